throw new Error(
  'This part of coatcheck is for servers: it holds keys and tokens that no page may have.',
)

export {}
