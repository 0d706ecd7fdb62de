import type { ErrorCode } from '../../../lib/core/error-table.ts';
import type { Passing, Fault as StoreFault } from '../../faults/fault-proxy.ts';
import type { FaultKind, Scene } from '../fault.ts';

/** A fault of requests to the store: which ones, and what happens to them. */
type Plan = {
  readonly note: string;
  readonly mayEnd?: readonly ErrorCode[];
  readonly decide: (passing: Passing) => StoreFault | undefined;
  /** The steps' requests are hit too. @default false: the task's only */
  readonly hitsSteps?: boolean;
  readonly timeoutSeconds?: number;
  /** The attempts that are hit. @default - all */
  readonly attempts?: number;
};

const storeFault = (name: string, plan: (scene: Scene) => Plan, weight = 1): FaultKind => ({
  name,
  store: 's3',
  weight,
  arm(scene) {
    const { note, mayEnd = [], decide, hitsSteps = false, timeoutSeconds, attempts = 99 } = plan(scene);
    const { s3 } = scene.lane;
    s3.inject(decide);
    let earlier = 0;
    return {
      note,
      mayEnd,
      interference: {
        isStoreProxied: hitsSteps,
        ...(timeoutSeconds !== undefined && { task: { timeoutSeconds } }),
        onTask(_task, attempt) {
          if (attempt !== attempts + 1) return;
          earlier = s3.injected;
          s3.inject(() => undefined);
        },
      },
      isInjected: () => earlier + s3.injected > 0,
    };
  },
});

const isData = ({ path }: Passing): boolean => path.includes('/backups/') && !path.endsWith('.json');

const statuses = [
  { status: 500, code: 'InternalError' },
  { status: 503, code: 'SlowDown' },
  { status: 503, code: 'ServiceUnavailable' },
  { status: 429, code: 'TooManyRequests' },
] as const;

export const storeFaults: readonly FaultKind[] = [
  storeFault(
    'store-errors',
    ({ random }) => {
      const share = random.pick([0.01, 0.05, 0.2, 0.3]);
      const answer = random.pick(statuses);
      return {
        note: `${share * 100} % of all requests are answered with ${answer.status} ${answer.code}`,
        hitsSteps: true,
        mayEnd: ['store-unavailable'],
        decide: () => (random.chance(share) ? { kind: 'answer', ...answer } : undefined),
      };
    },
    2,
  ),
  storeFault(
    'store-down',
    ({ random }) => {
      const from = random.between(0, 20);
      let requests = 0;
      return {
        note: `every request of the first attempt from number ${from} on is answered with 500`,
        mayEnd: ['store-unavailable', 'deadline'],
        timeoutSeconds: 25,
        attempts: 1,
        decide: () => (requests++ >= from ? { kind: 'answer', status: 500, code: 'InternalError' } : undefined),
      };
    },
    0.3,
  ),
  storeFault('denied', ({ random }) => {
    const from = random.between(0, 20);
    const code = random.pick(['AccessDenied', 'InvalidAccessKeyId', 'ExpiredToken']);
    let requests = 0;
    return {
      note: `permission is withdrawn at request ${from} of the task: ${code}`,
      mayEnd: ['store-denied'],
      decide: () =>
        requests++ >= from ? { kind: 'answer', status: code === 'ExpiredToken' ? 400 : 403, code } : undefined,
    };
  }),
  storeFault('token-expired-once', ({ random }) => {
    const at = random.between(0, 15);
    let requests = 0;
    return {
      note: `request ${at} of the task finds its token expired`,
      decide: () => (requests++ === at ? { kind: 'answer', status: 400, code: 'ExpiredToken' } : undefined),
    };
  }),
  storeFault('lost-replies', ({ random }) => {
    const share = random.pick([0.05, 0.2]);
    return {
      note: `the replies of ${share * 100} % of all requests are lost`,
      hitsSteps: true,
      mayEnd: ['store-unavailable'],
      decide: () => (random.chance(share) ? { kind: 'lose-reply' } : undefined),
    };
  }),
  storeFault('ok-with-error', ({ random }) => {
    const times = random.between(1, 3);
    const code = random.pick(['InternalError', 'SlowDown']);
    return {
      note: `the first ${times} completions are answered with 200 OK around ${code}`,
      mayEnd: ['store-unavailable'],
      decide: ({ operation, index }) =>
        operation === 'CompleteMultipartUpload' && index < times ? { kind: 'ok-with-error', code } : undefined,
    };
  }),
  storeFault('store-cuts', ({ random }) => {
    const share = random.pick([0.1, 0.3]);
    const side = random.pick(['request', 'answer'] as const);
    return {
      note: `the connections of ${share * 100} % of the requests break within the ${side}`,
      mayEnd: ['store-unavailable'],
      decide: () => (random.chance(share) ? { kind: 'cut', side, afterBytes: random.between(0, 40_000) } : undefined),
    };
  }),
  storeFault('store-stalls', ({ random }) => {
    const share = random.pick([0.1, 0.3]);
    const side = random.pick(['request', 'answer'] as const);
    return {
      note: `the connections of ${share * 100} % of the requests stall within the ${side}, and break a little later`,
      mayEnd: ['store-unavailable'],
      decide: () =>
        random.chance(share)
          ? {
              kind: 'stall',
              side,
              afterBytes: random.between(0, 40_000),
              cutAfterMilliseconds: random.between(50, 500),
            }
          : undefined,
    };
  }),
  storeFault('short-answers', ({ random }) => {
    const share = random.pick([0.2, 0.5]);
    return {
      note: `${share * 100} % of the reads of data come short`,
      mayEnd: ['store-unavailable'],
      decide: (passing) =>
        passing.operation === 'GetObject' && isData(passing) && random.chance(share)
          ? { kind: 'truncate', toBytes: random.between(0, 300) }
          : undefined,
    };
  }),
  storeFault('flip-upload', ({ random }) => {
    const share = random.pick([0.2, 0.5]);
    return {
      note: `in ${share * 100} % of what is written a bit is another`,
      mayEnd: ['store-unavailable'],
      decide: ({ operation }) =>
        (operation === 'UploadPart' || operation === 'PutObject') && random.chance(share)
          ? { kind: 'flip', side: 'request', atByte: random.between(0, 300) }
          : undefined,
    };
  }),
  storeFault('flip-download', ({ random }) => {
    const at = random.between(0, 2);
    return {
      note: `in answer ${at} with data a bit is another`,
      // One part of a backup that cannot be read back is left out of it; the others are kept.
      mayEnd: ['corrupt', 'partial'],
      decide: dataRead(at, () => ({ kind: 'flip', side: 'answer', atByte: random.between(0, 300) })),
    };
  }),
];

/** The fault of the `at`th read of a data object. */
function dataRead(at: number, fault: () => StoreFault): (passing: Passing) => StoreFault | undefined {
  let reads = 0;
  return (passing) => (passing.operation === 'GetObject' && isData(passing) && reads++ === at ? fault() : undefined);
}
