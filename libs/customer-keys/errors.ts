/** The keys in this store were wrapped under another secret. */
export class WrongSecret extends Error {
  readonly code = 'WRONG_SECRET';
}

/** The store cannot be read or written; try again. */
export class CustomerKeysUnavailable extends Error {
  readonly code = 'CUSTOMER_KEYS_UNAVAILABLE';
}

/** A stored key is damaged. */
export class CustomerKeyDamaged extends Error {
  readonly code = 'CUSTOMER_KEY_DAMAGED';
}
