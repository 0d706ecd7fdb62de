import { HoldfastError } from '../../../core/errors.ts';

/** `corrupt`, saying where and why. */
export function malformed(offset: number, expected: string, found: string): HoldfastError {
  return new HoldfastError(
    'corrupt',
    `the script is malformed at byte ${offset}: expected ${expected}, found ${found}`,
  );
}

/** `dump-incomplete`, saying where and what should have followed. */
export function endsEarly(offset: number, expected: string): HoldfastError {
  return new HoldfastError('dump-incomplete', `the script ends at byte ${offset}: expected ${expected}`);
}
