export {
  type ContractCase,
  type StoreContractOptions,
  type StoreUnderTest,
  sessionStoreContract,
} from './testing/session-store-contract.ts'
