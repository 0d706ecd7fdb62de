import { type FigureName, figures } from '../core/metrics.ts';

type Panel = {
  readonly title: string;
  readonly figure: FigureName;
  readonly unit: string;
  readonly type: 'timeseries' | 'stat' | 'table';
  /** The query, when it is more than the figure. @default - the figure as it is */
  readonly expr?: string;
};

const timeseries = (title: string, figure: FigureName, unit: string): Panel => ({
  title,
  figure,
  unit,
  type: 'timeseries',
});
const stat = (title: string, figure: FigureName, unit: string, expr?: string): Panel => ({
  title,
  figure,
  unit,
  type: 'stat',
  ...(expr === undefined ? {} : { expr }),
});

/** Row by row: is anything wrong, what is protected, what can be brought back, and Holdfast's own parts. */
const rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[] = [
  {
    title: 'Is anything wrong?',
    panels: [
      stat('Problems', 'problems', 'none', `sum(${figures.problems.name})`),
      { title: 'Open problems', figure: 'problems', unit: 'none', type: 'table', expr: `${figures.problems.name} > 0` },
      stat('Targets that answer', 'targetReachable', 'none', `sum(${figures.targetReachable.name})`),
    ],
  },
  {
    title: 'Backups',
    panels: [
      stat('Last run', 'backupStatus', 'bool_yes_no'),
      timeseries('Hours since the newest complete backup', 'backupAge', 'h'),
      timeseries('Size in the store', 'backupSize', 'bytes'),
      timeseries('Size at the source', 'backupPlainSize', 'bytes'),
      timeseries('Duration', 'backupDuration', 's'),
      stat('Valid', 'validationStatus', 'bool_yes_no'),
      timeseries('Duration of validation', 'validationDuration', 's'),
      timeseries('WAL files that wait to be archived', 'unarchivedWal', 'none'),
      timeseries('Log in the store, behind', 'walLag', 's'),
      timeseries('Log in the store, behind by', 'walLagBytes', 'bytes'),
      timeseries('Since the newest point of the log', 'walPointAge', 's'),
      timeseries('Log that servers keep for a receiver', 'walSlotRetained', 'bytes'),
    ],
  },
  {
    title: 'Recovery',
    panels: [
      timeseries('Since the newest restorable point', 'restorablePointAge', 's'),
      timeseries('Since the newest verified point', 'verifiedPointAge', 's'),
      stat('Recovery point objective', 'rpo', 's'),
      stat('Last restore', 'recoveryStatus', 'bool_yes_no'),
      timeseries('Duration of the last good restore', 'recoveryDuration', 's'),
      stat('Recovery time objective', 'rto', 's'),
    ],
  },
  {
    title: 'Holdfast itself',
    panels: [
      stat('Version', 'buildInfo', 'none'),
      stat('Catalog', 'catalogUp', 'bool_yes_no'),
      timeseries('Events not indexed', 'catalogBehind', 'none'),
      timeseries('Since the watch', 'watchAge', 's'),
      timeseries('Since the reconciler', 'reconcilerAge', 's'),
      timeseries('Since the health check', 'healthCheckAge', 's'),
      stat('Channels of alerts', 'channelStatus', 'bool_yes_no'),
      timeseries('Since a channel was proved', 'channelAge', 's'),
      stat('Volumes', 'volumeHealth', 'bool_yes_no'),
      timeseries('Volumes, how full', 'volumeUsage', 'percent'),
      timeseries('Volumes, used', 'volumeUsed', 'bytes'),
    ],
  },
];

const width = 8;
const height = 7;
const perLine = 3;

/** The dashboard that Grafana imports, made from the one table of figures. */
export function grafanaDashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: inRow } of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
      panels: [],
    });
    y += 1;
    for (const [index, panel] of inRow.entries()) {
      const gridPos = {
        x: (index % perLine) * width,
        y: y + Math.floor(index / perLine) * height,
        w: width,
        h: height,
      };
      panels.push(panelOf(panel, panels.length + 1, gridPos));
    }
    y += Math.ceil(inRow.length / perLine) * height;
  }
  return `${JSON.stringify({ ...frame, panels }, null, 2)}\n`;
}

const datasource = { type: 'prometheus', uid: '$datasource' };

const frame = {
  title: 'Holdfast',
  uid: 'holdfast',
  description: 'Backups, what can be brought back, and what is wrong. Made by scripts/write-dashboards.ts',
  tags: ['backup', 'holdfast'],
  schemaVersion: 39,
  editable: true,
  refresh: '1m',
  time: { from: 'now-7d', to: 'now' },
  templating: {
    list: [
      { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', current: {}, options: [] },
    ],
  },
};

function panelOf({ title, figure, unit, type, expr }: Panel, id: number, gridPos: object): object {
  const { name, help, labels } = figures[figure];
  const legend = labels.map((label) => `{{${label}}}`).join(' ');
  return {
    id,
    type,
    title,
    description: help,
    gridPos,
    datasource,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: type === 'stat' ? { colorMode: 'value', reduceOptions: { calcs: ['lastNotNull'] } } : {},
    targets: [
      {
        refId: 'A',
        datasource,
        expr: expr ?? name,
        legendFormat: expr === undefined ? legend : title,
        ...(type === 'table' ? { format: 'table', instant: true } : {}),
      },
    ],
  };
}
