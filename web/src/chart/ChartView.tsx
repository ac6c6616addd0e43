// A list as a chart: a measure by a group. Every part leads to the list behind it, and there is a table of the same.
import { BarChart, DonutChart, LineChart } from '@mantine/charts';
import '@mantine/charts/styles.css';
import { Button, Group, SegmentedControl, Skeleton, Table } from '@mantine/core';
import { useEffect, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { both } from '../expr/tree';
import { number } from '../fields/format';
import { bestGroup, groupable } from '../list/columns';
import { groupOf, useGroups, type Group as Part } from '../list/groups';
import type { BodyProps } from '../list/ListBody';
import { measureLabel, measureNumber, MeasurePicker, measureWords } from '../list/measure';
import { GroupPicker } from '../list/Tools';
import { t } from '../locale/t';
import { useMeta, valueKind, type Field } from '../meta/meta';
import { Empty, ErrorState } from '../ui/bits';

const COLOURS = ['indigo.6', 'teal.6', 'orange.6', 'grape.6', 'cyan.6', 'pink.6', 'lime.7', 'violet.6', 'blue.6', 'yellow.7', 'red.6', 'green.6'];
const SHOWN = 40;
const fit = (f: Field) => groupable(f) || (['text', 'integer'].includes(valueKind(f)) && !f.hidden && !['id', 'version', 'external_id', 'created_via'].includes(f.name) && !['formula', 'rollup'].includes(f.kind));

export default function ChartView({ entity: e, state, onProblem, refused }: BodyProps) {
  const { look } = state;
  const meta = useMeta();
  const [, go] = useLocation();
  const [table, setTable] = useState(false);
  const by = groupOf(e, look.group || bestGroup(e, meta, groupable)?.name || '');
  const kind = look.chart || (by?.unit ? 'line' : 'bar');
  const groups = useGroups(e, by, { where: look.where || undefined, measure: look.measure || undefined, limit: 500 });
  useEffect(() => onProblem(groups.error), [groups.error, onProblem]);
  if (!by) return <Empty title={t('board.none')} />;
  if (groups.error && !refused) return <ErrorState error={groups.error} retry={() => void groups.refetch()} />;
  const value = (g: Part) => measureNumber(look.measure ? g.sum : g.count);
  const words = (g: Part) => (look.measure ? measureWords(e, look.measure, g.sum) : number(g.count));
  const all = groups.data ?? [];
  // days keep their order; the rest goes by size, what the choice's own order does not say
  const parts = by.unit || valueKind(by.field) === 'choice' ? all : [...all].sort((a, b) => value(b) - value(a));
  const shown = by.unit ? parts.slice(-120) : parts.slice(0, SHOWN);
  const name = measureLabel(e, look.measure);
  const href = (g: Part) => state.hrefOf({ kind: '', group: '', measure: '', chart: '', where: both(look.where, g.where) ?? '' });
  const data = shown.map((g, i) => ({ name: g.label, [name]: value(g), value: value(g), color: COLOURS[i % COLOURS.length]!, i }));
  const open = (i: number | undefined) => { const g = i === undefined ? undefined : shown[i]; if (g) go(href(g)); };
  const picked = (p: any) => open(p?.payload?.i ?? p?.i);
  const format = (n: number) => number(n, 2);
  return (
    <div className="chartpage" tabIndex={0} role="region" aria-label={t('chart.label', { measure: name, group: by.field.label })}>
      <Group gap={8} className="toolrow" mb="md">
        <SegmentedControl size="xs" aria-label={t('chart.kind')} value={kind} onChange={(chart) => state.change({ chart })} data={['bar', 'line', 'donut'].map((k) => ({ value: k, label: t(`chart.${k}` as 'chart.bar') }))} />
        <MeasurePicker entity={e} label={t('chart.measure')} none={t('measure.count')} value={look.measure} onChange={(measure) => state.change({ measure })} />
        <span className="dim">{t('chart.by')}</span><GroupPicker entity={e} label={t('chart.by')} fit={fit} value={by.text} onChange={(group) => state.change({ group })} />
        <Button size="xs" variant={table ? 'filled' : 'default'} aria-pressed={table} onClick={() => setTable(!table)}>{t('chart.table')}</Button>
        {state.q && <span role="status">{t('chart.noq')}</span>}
      </Group>
      {groups.isPending ? <Skeleton height={360} aria-label={t('loading')} /> : shown.length === 0 ? <Empty title={state.look.where ? t('list.nomatch') : t('list.empty', { label: e.label_plural })} /> : table ? (
        <Table aria-label={t('chart.label', { measure: name, group: by.field.label })} maw={620}>
          <Table.Thead><Table.Tr><Table.Th>{by.field.label}</Table.Th><Table.Th ta="end">{name}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{parts.map((g) => <Table.Tr key={g.key}><Table.Td><Link className="reflink" href={href(g)}>{g.label}</Link></Table.Td><Table.Td ta="end" className="num">{words(g)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      ) : (
        <>
          <figure className="chart" aria-label={t('chart.label', { measure: name, group: by.field.label })} data-chart={kind}>
            {kind === 'donut' ? <DonutChart data={data} size={300} thickness={56} withTooltip tooltipDataSource="segment" valueFormatter={format} pieProps={{ onClick: picked, style: { cursor: 'pointer' } }} />
              : kind === 'line' ? <LineChart h={360} data={data} dataKey="name" series={[{ name, color: 'indigo.6' }]} valueFormatter={format} curveType="linear" lineProps={{ isAnimationActive: false, activeDot: { onClick: (_: unknown, p: unknown) => picked(p), style: { cursor: 'pointer' } } } as object} />
                : <BarChart h={360} data={data} dataKey="name" series={[{ name, color: 'indigo.6' }]} valueFormatter={format} barProps={{ isAnimationActive: false, onClick: picked, style: { cursor: 'pointer' } }} />}
          </figure>
          <ul className="legend" aria-label={by.field.label}>{shown.map((g, i) => <li key={g.key}>{kind === 'donut' && <span aria-hidden className="dot" style={{ background: `var(--mantine-color-${data[i]!.color.replace('.', '-')})` }} />}<Link className="reflink" href={href(g)}>{g.label}</Link> <span className="num dim">{words(g)}</span></li>)}</ul>
          {parts.length > shown.length && <div className="dim">{t('chart.cut', { n: shown.length, all: parts.length })}</div>}
        </>
      )}
    </div>
  );
}
