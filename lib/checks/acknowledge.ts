import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { HoldfastError } from '../core/errors.ts';

/** A reason shorter than this says nothing that the rule's own name does not. */
export const shortestReason = 20;

/**
 * Accepts one finding of a check (cdk-nag's id, or an annotation's) on `construct` and below it, with the reason that an auditor will read.
 * Call it beside the resource that it is about. Throws when the reason says too little.
 */
export function acknowledge(construct: IConstruct, id: string, reason: string): void {
  if (reason.trim().length < shortestReason) {
    throw new HoldfastError('internal', `'${construct.node.path}' acknowledges '${id}' without a proper reason`);
  }
  Validations.of(construct).acknowledge({ id, reason });
}
