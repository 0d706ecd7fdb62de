import type { ErrorCode } from '../../lib/core/error-table.ts';
import type { Random } from '../faults/random.ts';
import type { Lane } from './lane.ts';
import type { Interference, Played } from './play.ts';
import type { Shared } from './shared.ts';
import type { World } from './world.ts';

/** Where a fault is prepared. */
export type Scene = {
  readonly shared: Shared;
  readonly lane: Lane;
  readonly world: World;
  readonly random: Random;
};

/** A fault that is about to happen. */
export type Fault = {
  /** What will happen, for people. */
  readonly note: string;
  readonly interference: Interference;
  /** The codes under which the run may end instead of completing. @default - none: it has to complete */
  readonly mayEnd?: readonly ErrorCode[];
  /** The run must not complete, once the fault has happened. */
  readonly mustFail?: boolean;
  /** What the run published was damaged by the fault, so that it need not be whole; nobody may call it complete. */
  readonly isDamaging?: boolean;
  /** Whether it has happened. */
  isInjected(): boolean;
  /** Hours that pass before the reconciler and the next run, because nobody gave the lease back. @default 0 */
  readonly hoursLater?: number;
};

/** A fault of several executions at once. Gives each of them; `problems` are what it alone can see. */
export type Contest = {
  readonly note: string;
  readonly mayEnd: readonly ErrorCode[];
  run(): Promise<{ readonly plays: readonly Played[]; readonly problems: readonly string[] }>;
  isInjected(): boolean;
  readonly hoursLater?: number;
};

/** Damage to a backup that was complete: what comes to light is what counts. */
export type Rot = { readonly note: string; damage(backupPrefix: string): Promise<void> };

export type FaultKind = {
  readonly name: string;
  /** Stores that can have it. @default - both */
  readonly store?: 'file' | 's3';
  /** How often it is chosen beside others, against 1. @default 1 */
  readonly weight?: number;
} & (
  | { readonly arm: (scene: Scene) => Fault }
  | { readonly contest: (scene: Scene) => Contest }
  | { readonly rot: (scene: Scene) => Rot }
);
