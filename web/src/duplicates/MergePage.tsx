// Two or more records made one: a column for each, a row for each field, and what comes of it.
import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { call, get } from '../api/client';
import { Display } from '../fields/Display';
import { isEmpty, number } from '../fields/format';
import { t } from '../locale/t';
import { address, useMeta, writable, type Entity, type Field } from '../meta/meta';
import { Complaint, Empty, ErrorState, Letter, useTitle } from '../ui/bits';
import { Link } from '../ui/Link';
import { undoable } from '../ui/undo';
import './clean.css';
import { afterwards, takeBack } from './pairs';
import { ScrollX } from '../ui/ScrollX';

interface Row { name: string; label: string; kind: string; differs: boolean; values: any[]; proposal: any; from: number | null }
interface Preview { survivor: number; records: { id: number; name: string }[]; fields: Row[]; moves: { entity: string; label: string; field: string; count: number }[] }
/** Whose value a field gets, by id; a field that is not in it follows the proposal. */
type Chosen = Record<string, number>;

const UNITED = new Set(['emails', 'phones', 'addresses', 'urls', 'tags', 'choices', 'many']);
const Value = ({ field, value }: { field: Field | undefined; value: any }) => (isEmpty(value) || !field ? <span className="dim">–</span> : <Display field={field} value={value} />);

function FieldRow({ row, entity: e, order, records, chosen, onChoose }: { row: Row; entity: Entity; order: number[]; records: { id: number; name: string }[]; chosen: Chosen; onChoose: (id: number | null) => void }) {
  const field = e.fields.find((f) => f.name === row.name);
  const fixed = !field || !writable(field);
  const united = UNITED.has(row.kind) && row.from === null;
  const taken = chosen[row.name] ?? (united ? null : row.from);
  // the values come in the order of the ids that were asked with, the survivor's first
  const of = (id: number) => row.values[order.indexOf(id)];
  const result = chosen[row.name] === undefined ? row.proposal : of(chosen[row.name]!);
  return (
    <tr>
      <th scope="row">{row.label}</th>
      {records.map((r) => (
        <td key={r.id} className={row.differs && taken === r.id ? 'chosen' : undefined}>
          {row.differs ? <label><input type="radio" name={`merge-${row.name}`} disabled={fixed} checked={taken === r.id} onChange={() => onChoose(r.id)} aria-label={t('merge.take', { field: row.label, name: r.name })} /><Value field={field} value={of(r.id)} /></label> : <Value field={field} value={of(r.id)} />}
        </td>
      ))}
      <td className="result">
        {row.differs && united ? <label><input type="radio" name={`merge-${row.name}`} disabled={fixed} checked={taken === null} onChange={() => onChoose(null)} aria-label={t('merge.unite', { field: row.label })} /><Value field={field} value={result} /></label> : <Value field={field} value={result} />}
      </td>
    </tr>
  );
}

function useMerge(e: Entity, pair: number | null, back: string | null) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  async function run(ids: number[], fields: Chosen, name: string) {
    setBusy(true);
    setError(null);
    try {
      const { data } = pair ? await call<{ change_set: number }>('POST', `/duplicates/${pair}/merge`, { survivor: ids[0], fields }) : await call<{ change_set: number }>('POST', `/${e.plural}/merge`, { ids, fields });
      await afterwards(client, e.name, ids);
      go(pair && back !== 'record' ? '/duplicates' : address(e, ids[0]), { replace: true });
      undoable(t('merge.done', { n: ids.length, name }), async () => { await takeBack(data.change_set); await afterwards(client, e.name, ids); });
    } catch (x) {
      setError(x);
      setBusy(false);
    }
  }
  return { busy, error, run };
}

function Form({ entity: e, ids, pair, back }: { entity: Entity; ids: number[]; pair: number | null; back: string | null }) {
  const [survivor, setSurvivor] = useState(ids[0]!);
  const [chosen, setChosen] = useState<Chosen>({});
  const [all, setAll] = useState(false);
  const merge = useMerge(e, pair, back);
  const order = [survivor, ...ids.filter((x) => x !== survivor)];
  const preview = useQuery({ queryKey: ['merge', e.name, ...order], retry: false, queryFn: ({ signal }) => get<Preview>(`/${e.plural}/merge`, { ids: order.join(',') }, signal), placeholderData: (old) => old });
  if (preview.error && !preview.data) return <ErrorState error={preview.error} retry={() => void preview.refetch()} />;
  if (!preview.data) return <Stack p="md" aria-busy aria-label={t('loading')}>{Array.from({ length: 8 }, (_, i) => <Skeleton key={i} height={26} />)}</Stack>;
  const p = preview.data;
  const came = p.records.map((r) => r.id);
  const records = ids.map((id) => p.records.find((r) => r.id === id) ?? { id, name: String(id) });
  const named = p.fields.filter((f) => f.name !== e.title);
  const rows = named.filter((f) => f.differs || all), same = named.filter((f) => !f.differs).length;
  const name = records.find((r) => r.id === survivor)!.name;
  const choose = (field: string, id: number | null) => setChosen((old) => { const { [field]: _, ...rest } = old; return id === null ? rest : { ...rest, [field]: id }; });
  const moves = p.moves.filter((m) => m.count > 0);
  return (
    <div className="mergepage" tabIndex={0} role="region" aria-label={t('merge.title', { label: e.label_plural })}>
      <ScrollX role="group" label={t('merge.fields')}>
        <table className="sides many">
          <colgroup><col className="label" />{records.map((r) => <col key={r.id} />)}<col /></colgroup>
          <thead>
            <tr>
              <th scope="row">{t('merge.survivor')}</th>
              {records.map((r) => <th key={r.id} scope="col" className="head"><label><input type="radio" name="merge-survivor" checked={survivor === r.id} onChange={() => { setSurvivor(r.id); setChosen({}); }} aria-label={t('merge.stays', { name: r.name, id: r.id })} /><span>{r.name}<br /><small className="dim"><Link className="reflink" href={address(e, r.id)}>{t('merge.number', { id: r.id })}</Link></small></span></label></th>)}
              <th scope="col" className="head result">{t('merge.result')}</th>
            </tr>
          </thead>
          <tbody>{rows.map((f) => <FieldRow key={f.name} row={f} entity={e} order={came} records={records} chosen={chosen} onChoose={(id) => choose(f.name, id)} />)}</tbody>
        </table>
      </ScrollX>
      {same > 0 && <Button mt={8} variant="subtle" size="compact-sm" onClick={() => setAll(!all)}>{all ? t('merge.fold') : t('merge.same', { n: same })}</Button>}
      <div className="moves">
        <span>{moves.length ? t('merge.moves', { name }) : t('merge.nomoves')}</span>
        {moves.map((m) => <span key={m.entity + m.field} className="chip plain"><span>{number(m.count)} {m.label}</span></span>)}
      </div>
      <p>{t('merge.help', { name })}</p>
      <Complaint error={merge.error} />
      <Group gap="xs" mt="sm" className="go"><Button autoFocus data-autofocus loading={merge.busy} disabled={preview.isPlaceholderData} onClick={() => void merge.run(order, chosen, name)}>{t('merge.go', { n: records.length })}</Button><Button variant="default" onClick={() => history.back()}>{t('cancel')}</Button></Group>
    </div>
  );
}

export default function MergePage({ plural }: { plural: string }) {
  const e = useMeta().plural(plural);
  const params = new URLSearchParams(useSearch());
  const ids = [...new Set((params.get('ids') ?? '').split(',').map(Number).filter((n) => Number.isInteger(n) && n > 0))];
  const pair = Number(params.get('pair')) || null;
  useTitle(e ? t('merge.title', { label: e.label_plural }) : '');
  if (!e || ids.length < 2) return <Empty title={t('error.nowhere')} />;
  return (
    <div className="page">
      <div className="bar"><Letter big text={e.label} of={e.name} /><div className="grow"><Link className="reflink" style={{ fontSize: 12.5 }} href={address(e)}>{e.label_plural}</Link><h1>{t('merge.title', { label: e.label_plural })}</h1></div></div>
      <Form key={ids.join()} entity={e} ids={ids} pair={pair} back={params.get('to')} />
    </div>
  );
}
