export {
  type ContractCase,
  type StoreUnderTest,
  sessionStoreContract,
} from './testing/session-store-contract.ts'
