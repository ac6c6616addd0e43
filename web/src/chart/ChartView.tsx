// A list as a chart: a measure by a group. Every part leads to the list behind it, and there is a table of the same.
import { Button, Group, Table } from '@mantine/core';
import { useEffect, useState } from 'react';
import { both } from '../expr/tree';
import { bestGroup, groupable } from '../list/columns';
import { groupOf, useCross, useGroups, type Group as Part } from '../list/groups';
import type { BodyProps } from '../list/ListBody';
import { MeasurePicker } from '../list/measure';
import { GroupPicker } from '../list/GroupPicker';
import { t } from '../locale/t';
import { useMeta, valueKind, type Entity, type Field } from '../meta/meta';
import { Empty, ErrorState, Loading } from '../ui/bits';
import { Link } from '../ui/Link';
import { ScrollX } from '../ui/ScrollX';
import { Segments } from '../ui/Segments';
import { CHARTS, inOrder, reader } from './ask';
import Drawing from './Drawing';
import { Heat } from './Heat';

export const chartable = (f: Field) => groupable(f) || (['text', 'integer'].includes(valueKind(f)) && !f.hidden && !['id', 'version', 'external_id', 'created_via'].includes(f.name) && !['formula', 'rollup'].includes(f.kind));
/** A second group beside the first. */
export const otherGroup = (e: Entity, meta: ReturnType<typeof useMeta>, first: Field | undefined) => bestGroup(e, meta, (f) => groupable(f) && f !== first)?.name ?? '';

export default function ChartView({ entity: e, state, onProblem }: BodyProps) {
  const { look } = state;
  const meta = useMeta();
  const [table, setTable] = useState(false);
  const by = groupOf(e, look.group || bestGroup(e, meta, groupable)?.name || '');
  const kind = look.chart || (by?.unit ? 'line' : 'bar');
  const heat = kind === 'heat';
  const across = heat ? groupOf(e, look.across || otherGroup(e, meta, by?.field)) : null;
  const ask = { where: look.where || undefined, measure: look.measure || undefined };
  const groups = useGroups(e, by, { ...ask, limit: 500 }, !heat);
  const cross = useCross(e, by, across, ask, heat);
  const query = heat ? cross : groups;
  useEffect(() => onProblem(query.error), [query.error, onProblem]);
  if (!by) return <Empty title={t('board.none')} />;
  if (query.error) return <ErrorState error={query.error} retry={() => void query.refetch()} />;
  const { name, value, words } = reader(e, look.measure);
  const { parts, shown } = inOrder(by, kind, groups.data ?? [], value);
  const to = (where: string) => state.hrefOf({ kind: '', group: '', measure: '', chart: '', across: '', where: both(look.where, where) ?? '' });
  const href = (g: Part) => to(g.where);
  const label = across ? t('chart.label.two', { measure: name, group: by.field.label, other: across.field.label }) : t('chart.label', { measure: name, group: by.field.label });
  const none = heat ? cross.data?.rows.length === 0 : shown.length === 0;
  return (
    <div className="chartpage" tabIndex={0} role="region" aria-label={label}>
      <Group gap={8} className="toolrow" mb="md">
        <Segments small label={t('chart.kind')} value={kind} onChange={(chart) => state.change({ chart })} data={CHARTS.map((k) => ({ value: k, label: t(`chart.${k}`) }))} />
        <MeasurePicker entity={e} label={t('chart.measure')} none={t('measure.count')} value={look.measure} onChange={(measure) => state.change({ measure })} />
        <span className="dim">{t('chart.by')}</span><GroupPicker entity={e} label={t('chart.by')} fit={chartable} value={by.text} onChange={(group) => state.change({ group })} />
        {across && <><span className="dim">{t('chart.across')}</span><GroupPicker entity={e} label={t('chart.across')} fit={chartable} value={across.text} onChange={(x) => state.change({ across: x })} /></>}
        {!heat && <Button size="xs" variant={table ? 'filled' : 'default'} aria-pressed={table} onClick={() => setTable(!table)}>{t('chart.table')}</Button>}
        {state.q && <span role="status">{t('chart.noq')}</span>}
      </Group>
      {query.isPending ? <Loading height={360} /> : none ? <Empty title={state.look.where ? t('list.nomatch') : t('list.empty', { label: e.label_plural })} /> : heat ? (
        <Heat cross={cross.data!} label={label} value={value} words={words} href={to} />
      ) : table ? (
        <ScrollX label={label}><Table maw={620}>
          <Table.Thead><Table.Tr><Table.Th>{by.field.label}</Table.Th><Table.Th ta="end">{name}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{parts.map((g) => <Table.Tr key={g.key}><Table.Td><Link className="reflink" href={href(g)}>{g.label}</Link></Table.Td><Table.Td ta="end" className="num">{words(g)}</Table.Td></Table.Tr>)}</Table.Tbody>
        </Table></ScrollX>
      ) : (
        <>
          <Drawing kind={kind} label={label} name={name} by={by} parts={shown} height={360} value={value} words={words} href={href} />
          {parts.length > shown.length && <div className="dim">{t('chart.cut', { n: shown.length, all: parts.length })}</div>}
        </>
      )}
    </div>
  );
}
