import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import { acknowledge } from '../checks/acknowledge.ts';
import { HoldfastError } from '../core/errors.ts';

/** What a role may do, written out. CDK's own grants are wider: `grantPut`, for one, lets a writer change retention. */
export type Permission = {
  readonly sid: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /**
   * Why a resource with a wildcard is narrow enough.
   *
   * @default - no resource has one
   */
  readonly wildcardReason?: string;
  /** @default - none */
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
};

/** Adds `permission` to the role, and acknowledges its wildcards with the reason that it bears. */
export function allow(role: Role, { sid, actions, resources, wildcardReason, conditions }: Permission): void {
  role.addToPolicy(
    new PolicyStatement({
      sid,
      actions: [...actions],
      resources: [...resources],
      ...(conditions === undefined ? {} : { conditions }),
    }),
  );
  // A finding's id holds the name of the export that a cross-stack reference goes through, which is not known before references
  // have been resolved. Validations of constructs run after that and before cdk-nag looks for acknowledgements.
  role.node.addValidation({
    validate: () => {
      for (const resource of resources) {
        const text = flattenCfnReference(Stack.of(role).resolve(resource));
        if (!text.includes('*')) continue;
        if (wildcardReason === undefined) {
          throw new HoldfastError('internal', `'${role.node.path}' gives no reason for the wildcard in '${text}'`);
        }
        acknowledge(role, `AwsSolutions-IAM5[Resource::${text}]`, wildcardReason);
      }
      return [];
    },
  });
}
