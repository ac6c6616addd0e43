// Pairs that may be the same, the likeliest first: looked at side by side, merged or put aside, by hand or by keys.
import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { call, get } from '../api/client';
import { Display } from '../fields/Display';
import { ago, isEmpty, number } from '../fields/format';
import { t } from '../locale/t';
import { address, can, useMeta, type Entity, type Rec } from '../meta/meta';
import { Complaint, Empty, ErrorState, useTitle } from '../ui/bits';
import { Link } from '../ui/Link';
import { Segments } from '../ui/Segments';
import { say, sayError, undoLast } from '../ui/undo';
import './clean.css';
import { JobLine, type Job } from './job';
import { dismiss, mergeAddress, percent, Reasons, usePairs, type Pair } from './pairs';

/** Both records, field by field; what differs is marked. What the program works out itself is left out. */
function Sides({ pair: p, entity: e }: { pair: Pair; entity: Entity }) {
  const both = useQuery({ queryKey: ['related', e.name, 'pair', p.record.id, p.other.id], queryFn: ({ signal }) => get<{ items: Rec[] }>(`/${e.plural}`, { where: `id in (${p.record.id}, ${p.other.id})` }, signal) });
  if (both.error) return <Complaint error={both.error} />;
  if (!both.data) return <Stack aria-busy aria-label={t('loading')}>{Array.from({ length: 6 }, (_, i) => <Skeleton key={i} height={24} />)}</Stack>;
  const [a, b] = [p.record, p.other].map((x) => both.data.items.find((r) => r.id === x.id));
  const fields = e.fields.filter((f) => (!f.standard || f.name === 'owner' || f.name === 'tags' || f.name === 'created_at') && !f.hidden && (!f.read_only || f.standard) && f.name !== e.title && (!isEmpty(a?.[f.name]) || !isEmpty(b?.[f.name])));
  return (
    <table className="sides">
      <colgroup><col className="label" /><col /><col /></colgroup>
      <thead><tr><td />{[p.record, p.other].map((x) => <th key={x.id} scope="col" className="head"><Link className="reflink" href={address(e, x.id)}>{x.name}</Link></th>)}</tr></thead>
      <tbody>
        {fields.map((f) => (
          <tr key={f.name} className={!f.standard && JSON.stringify(a?.[f.name]) !== JSON.stringify(b?.[f.name]) ? 'differs' : undefined}>
            <th scope="row">{f.label}</th>
            {[a, b].map((r, i) => <td key={i}>{r && !isEmpty(r[f.name]) ? <Display field={f} value={r[f.name]} /> : '–'}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Orders a look over everything, for who may. */
function Sweep({ of }: { of: string }) {
  const meta = useMeta();
  const client = useQueryClient();
  const [job, setJob] = useState<number | null>(null);
  const rules = meta.entity('duplicate_rule');
  const may = rules && can(rules, 'update');
  const list = useQuery({ queryKey: ['related', 'duplicate_rule', 'sweep'], enabled: !!may, queryFn: ({ signal }) => get<{ items: { id: number; entity: string; swept_at: string | null }[] }>('/duplicate_rules', { where: 'active = true', fields: 'id,entity,swept_at', sort: 'id' }, signal) });
  const rule = list.data?.items.find((r) => r.entity === of);
  if (!may || !rule) return null;
  const over = (j: Job) => {
    setJob(null);
    void client.invalidateQueries({ queryKey: ['related'] });
    void client.invalidateQueries({ queryKey: ['count', 'duplicate'] });
    say('sweep', j.result ? t('dup.swept', { records: number(j.result.records), n: number(j.result.duplicates) }) : j.error || t('bulk.failed'), { red: !j.result });
  };
  if (job !== null) return <JobLine id={job} label={t('dup.sweeping')} onOver={over} />;
  return (
    <Group gap={8}>
      <small>{rule.swept_at ? t('dup.sweptat', { when: ago(rule.swept_at) }) : t('dup.neverswept')}</small>
      <Button size="xs" variant="default" onClick={() => { call<{ job: number }>('POST', `/duplicate_rules/${rule.id}/sweep`).then((r) => setJob(r.data.job)).catch(sayError); }}>{t('dup.sweep')}</Button>
    </Group>
  );
}

export default function Queue() {
  const meta = useMeta();
  const client = useQueryClient();
  const [, go] = useLocation();
  const asked = new URLSearchParams(useSearch()).get('of');
  const objects = ['contact', 'company'].flatMap((n) => meta.entity(n) ?? []);
  const rules = meta.entity('duplicate_rule');
  const [at, setAt] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const pairs = usePairs({ of: asked ?? undefined });
  const list = pairs.data?.items ?? [];
  const index = Math.max(0, list.findIndex((p) => p.id === at));
  const p = list[index];
  const e = p && meta.entity(p.entity);
  // whether the two may be merged by this person: the server alone knows
  const may = useQuery({ queryKey: ['merge', p?.entity, p?.record.id, p?.other.id], enabled: !!e, retry: false, queryFn: ({ signal }) => get(`/${e!.plural}/merge`, { ids: `${p!.record.id},${p!.other.id}` }, signal) });
  useTitle(t('dup.title'));
  async function aside() {
    if (!p || busy) return;
    setBusy(true);
    // the next one takes its place
    const next = list[index + 1] ?? list[index - 1];
    try { await dismiss(client, p); setAt(next?.id ?? null); } catch (x) { sayError(x); } finally { setBusy(false); }
  }
  const merge = () => { if (p && e && !may.error) go(mergeAddress(e, [p.record.id, p.other.id], p.id)); };
  useEffect(() => {
    const f = (ev: KeyboardEvent) => {
      if (ev.ctrlKey || ev.metaKey || ev.altKey || (ev.target as HTMLElement).closest?.('input, textarea, select, [role=dialog], [role=menu]')) return;
      const to = ev.key === 'j' ? list[index + 1] : ev.key === 'k' ? list[index - 1] : undefined;
      if (to) { setAt(to.id); document.getElementById(`pair-${to.id}`)?.scrollIntoView({ block: 'nearest' }); }
      else if (ev.key === 'm') merge();
      else if (ev.key === 'd') void aside();
      else if (ev.key === 'z') undoLast();
      else return;
      ev.preventDefault();
    };
    document.addEventListener('keydown', f);
    return () => document.removeEventListener('keydown', f);
  });
  if (pairs.error) return <ErrorState error={pairs.error} retry={() => void pairs.refetch()} />;
  const tabs = [{ value: '', label: t('dup.all') }, ...objects.map((o) => ({ value: o.name, label: o.label_plural }))];
  return (
    <div className="page">
      <div className="bar">
        <div className="grow"><h1>{t('dup.title')}</h1></div>
        {rules && can(rules, 'update') && <Sweep key={asked ?? ''} of={asked ?? objects[0]?.name ?? ''} />}
      </div>
      <div style={{ padding: '0 18px 10px' }}><Segments small label={t('dup.of')} data={tabs} value={asked ?? ''} onChange={(v) => go('/duplicates' + (v ? `?of=${v}` : ''))} /></div>
      {pairs.isPending && <Stack p="md" aria-busy aria-label={t('loading')}>{Array.from({ length: 5 }, (_, i) => <Skeleton key={i} height={40} />)}</Stack>}
      {pairs.data && !p && <Empty title={t('dup.none')}><span className="dim">{t('dup.none.help')}</span></Empty>}
      {p && e && (
        <div className="queue">
          <ul className="pairlist" aria-label={t('dup.title')} tabIndex={0}>
            {list.map((x) => <li key={x.id}><button id={`pair-${x.id}`} type="button" aria-current={x.id === p.id} onClick={() => setAt(x.id)}><span className="names">{x.record.name} · {x.other.name}</span><small className="num">{percent(x.probability)}{x.zone === 'merge' ? ` · ${t('dup.certain')}` : ''}</small></button></li>)}
            {pairs.data?.next && <li className="dim" style={{ padding: 12 }}>{t('dup.more', { n: number(list.length) })}</li>}
          </ul>
          <section className="pairbody" aria-label={`${p.record.name} · ${p.other.name}`} tabIndex={0}>
            <Group gap={8}>
              <b className="grow num">{t('dup.likely', { n: percent(p.probability) })}</b>
              <Button size="xs" disabled={!!may.error} onClick={merge}>{t('dup.merge')}</Button>
              <Button size="xs" variant="default" loading={busy} onClick={() => void aside()}>{t('dup.dismiss')}</Button>
            </Group>
            <Reasons reasons={p.reasons} />
            {may.error ? <div className="dim" style={{ marginBottom: 10 }}>{(may.error as Error).message}</div> : null}
            <Sides pair={p} entity={e} />
            <p className="dim">{t('dup.keys')}</p>
          </section>
        </div>
      )}
    </div>
  );
}
