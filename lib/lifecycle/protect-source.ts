import { HoldfastError } from '../core/errors.ts';

/**
 * Refuses to replace the very databases that a backup was taken from unless their target is named as the receiver: what a slip of the hand
 * would hit is production. Throws `target-protected`.
 */
export function protectSource(
  {
    replace,
    into,
    as,
  }: { readonly replace?: boolean | undefined; readonly into?: string | undefined; readonly as?: string | undefined },
  target: string,
): void {
  if (replace !== true || into !== undefined || as !== undefined) return;
  throw new HoldfastError(
    'target-protected',
    `this would replace the live databases of target '${target}', from which the backup was taken`,
    {
      hint: `if that is meant, name it: --into ${target} (in a request: "into": "${target}"). Otherwise restore under another name with --as`,
    },
  );
}
