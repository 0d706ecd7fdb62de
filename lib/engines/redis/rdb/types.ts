import type { ValueType } from '../keys/key-sink.ts';

/** The opcodes that stand where a key's type may stand. */
export const opcodes = {
  slotImport: 243,
  slotInfo: 244,
  library: 245,
  libraryBeforeRelease: 246,
  moduleAux: 247,
  idle: 248,
  frequency: 249,
  aux: 250,
  resize: 251,
  expireMilliseconds: 252,
  expireSeconds: 253,
  database: 254,
  end: 255,
} as const;

/** How the bytes of a value are laid out. `packed`: all elements in one string, as a list pack, zip list or integer set. */
export type Layout =
  | { readonly kind: 'string' }
  | { readonly kind: 'strings' | 'pairs' }
  | { readonly kind: 'scored'; readonly isBinary: boolean }
  | { readonly kind: 'packed'; readonly packing: Packing; readonly hasExpiry?: boolean; readonly hasEarliest?: boolean }
  | { readonly kind: 'nodes'; readonly packing: Packing; readonly hasContainer: boolean }
  | { readonly kind: 'expiring pairs'; readonly expiry: 'relative' | 'absolute' | 'trailing' }
  | { readonly kind: 'stream'; readonly version: 1 | 2 | 3 }
  | { readonly kind: 'module' };

export type Packing = 'list pack' | 'zip list' | 'integer set';

export type RdbType = {
  readonly type: ValueType;
  readonly layout: Layout;
  /** The first RDB version that has it: what a server must know for `RESTORE` to take it. */
  readonly since: number;
};

const listPack = { kind: 'packed', packing: 'list pack' } as const;
const zipList = { kind: 'packed', packing: 'zip list' } as const;

/** By the number that stands before a key. Those that no server since Redis 2.6 writes are left out. */
const redisTypes: Readonly<Record<number, RdbType>> = {
  0: { type: 'string', layout: { kind: 'string' }, since: 1 },
  1: { type: 'list', layout: { kind: 'strings' }, since: 1 },
  2: { type: 'set', layout: { kind: 'strings' }, since: 1 },
  3: { type: 'sorted set', layout: { kind: 'scored', isBinary: false }, since: 1 },
  4: { type: 'hash', layout: { kind: 'pairs' }, since: 1 },
  5: { type: 'sorted set', layout: { kind: 'scored', isBinary: true }, since: 8 },
  7: { type: 'module', layout: { kind: 'module' }, since: 8 },
  10: { type: 'list', layout: zipList, since: 2 },
  11: { type: 'set', layout: { kind: 'packed', packing: 'integer set' }, since: 2 },
  12: { type: 'sorted set', layout: zipList, since: 2 },
  13: { type: 'hash', layout: zipList, since: 4 },
  14: { type: 'list', layout: { kind: 'nodes', packing: 'zip list', hasContainer: false }, since: 7 },
  15: { type: 'stream', layout: { kind: 'stream', version: 1 }, since: 9 },
  16: { type: 'hash', layout: listPack, since: 10 },
  17: { type: 'sorted set', layout: listPack, since: 10 },
  18: { type: 'list', layout: { kind: 'nodes', packing: 'list pack', hasContainer: true }, since: 10 },
  19: { type: 'stream', layout: { kind: 'stream', version: 2 }, since: 10 },
  20: { type: 'set', layout: listPack, since: 11 },
  21: { type: 'stream', layout: { kind: 'stream', version: 3 }, since: 11 },
};

/** Of Redis 7.4 and later; Valkey, which parted from it before, has another type under 22. */
const redisOnlyTypes: Readonly<Record<number, RdbType>> = {
  22: { type: 'hash', layout: { kind: 'expiring pairs', expiry: 'absolute' }, since: 12 },
  23: { type: 'hash', layout: { ...listPack, hasExpiry: true }, since: 12 },
  24: { type: 'hash', layout: { kind: 'expiring pairs', expiry: 'relative' }, since: 12 },
  25: { type: 'hash', layout: { ...listPack, hasExpiry: true, hasEarliest: true }, since: 12 },
};

const valkeyOnlyTypes: Readonly<Record<number, RdbType>> = {
  22: { type: 'hash', layout: { kind: 'expiring pairs', expiry: 'trailing' }, since: 80 },
};

/** From this version on a file is Valkey's, and begins so. */
export const firstValkeyVersion = 80;

/** The type of that number in a file of that version, or undefined when it is not known. */
export function rdbType(number: number, version: number): RdbType | undefined {
  return redisTypes[number] ?? (version >= firstValkeyVersion ? valkeyOnlyTypes : redisOnlyTypes)[number];
}
