// How well the data of an object hold up: its score, its rules, what each finds, and the way to mend it.
import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { call, get } from '../api/client';
import { JobLine, type Job } from '../duplicates/job';
import '../duplicates/clean.css';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { can, listOf, useMeta, type Entity } from '../meta/meta';
import { Chip, Empty, ErrorState, useTitle } from '../ui/bits';
import { Link } from '../ui/Link';
import { Segments } from '../ui/Segments';
import { say, sayError } from '../ui/undo';
import RuleDialog, { type Rule } from './RuleDialog';
import { Spark } from './Spark';

interface Counted { id: number; name: string; kind: string; weight: number; advice: string; where: string; found: number | null; records: number | null; trend: { day: string; found: number; records: number }[] }
interface Report { entity: string; score: number | null; rules: Counted[] }
const COLOUR: Record<string, string> = { missing: 'blue', invalid: 'red', stale: 'gray', contradictory: 'orange', unlikely: 'violet' };

function Line({ r, entity: e, kind, onEdit }: { r: Counted; entity: Entity; kind: string; onEdit?: () => void }) {
  const href = listOf(e, r.where);
  const share = r.found && r.records ? r.found / r.records : 0;
  const words = r.found === null ? t('quality.uncounted') : t('quality.of', { n: number(r.found), all: number(r.records ?? 0) });
  return (
    <tr>
      <td><Link className="rowlink" href={href}>{r.name}</Link>{r.advice && <div className="dim">{r.advice}</div>}</td>
      <td><Chip label={kind} colour={COLOUR[r.kind]} /></td>
      <td className="num">{words}<span className="share" aria-hidden><span style={{ width: `${share ? Math.max(2, share * 100) : 0}%` }} /></span></td>
      <td><Spark trend={r.trend} /></td>
      <td className="end">
        <Group gap={6} justify="flex-end" wrap="nowrap" display="inline-flex">
          {!!r.found && can(e, 'update') && <Button size="compact-sm" variant="default" component={Link} href={href + '&select=all'} aria-label={t('quality.mend.of', { name: r.name })}>{t('quality.mend')}</Button>}
          {onEdit && <Button size="compact-sm" variant="subtle" color="gray" aria-label={t('quality.edit.of', { name: r.name })} onClick={onEdit}>{t('quality.edit')}</Button>}
        </Group>
      </td>
    </tr>
  );
}

function Measure({ onOver }: { onOver: () => void }) {
  const [job, setJob] = useState<number | null>(null);
  const over = (j: Job) => { setJob(null); onOver(); if (j.state !== 'done') say('measure', j.error || t('bulk.failed'), { red: true }); };
  if (job !== null) return <JobLine id={job} label={t('quality.counting')} onOver={over} />;
  return <Button size="xs" variant="default" onClick={() => { call<{ job: number }>('POST', '/quality/measure', {}).then((r) => setJob(r.data.job)).catch(sayError); }}>{t('quality.count')}</Button>;
}

function Rules({ entity: e, rules, onChanged }: { entity: Entity; rules: Rule[]; onChanged: () => void }) {
  const meta = useMeta();
  const own = meta.entity('quality_rule')!;
  const [open, setOpen] = useState<Rule | 'new' | null>(null);
  const report = useQuery({ queryKey: ['related', 'quality_count', e.name], queryFn: async ({ signal }) => (await call<Report>('POST', '/quality/report', { entity: e.name }, {}, signal)).data });
  const kindOf = (code: string) => meta.choices(own.fields.find((f) => f.name === 'kind')!).find((c) => c.code === code)?.label ?? code;
  if (report.error && !report.data) return <ErrorState error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return <Stack p="md" aria-busy aria-label={t('loading')}>{Array.from({ length: 6 }, (_, i) => <Skeleton key={i} height={32} />)}</Stack>;
  const lines = [...report.data.rules].sort((a, b) => (b.found ?? 0) * b.weight - (a.found ?? 0) * a.weight);
  const off = rules.filter((r) => r.entity === e.name && !r.active);
  const { score } = report.data;
  return (
    <>
      <div className="scoreline"><span className="score num">{score === null ? '–' : number(score, 1)}</span><span>{t('quality.score', { label: e.label_plural })}</span>{can(own, 'create') && <Button size="xs" ml="auto" onClick={() => setOpen('new')}>{t('quality.new')}</Button>}</div>
      {lines.length === 0 ? <Empty title={t('quality.none')} /> : (
        <table className="rules">
          <thead><tr><th scope="col">{t('quality.rule')}</th><th scope="col">{t('quality.kind')}</th><th scope="col">{t('quality.found')}</th><th scope="col">{t('quality.trend')}</th><td /></tr></thead>
          <tbody>{lines.map((r) => { const rule = rules.find((x) => x.id === r.id); return <Line key={r.id} r={r} entity={e} kind={kindOf(r.kind)} onEdit={rule && can(own, 'update') ? () => setOpen(rule) : undefined} />; })}</tbody>
        </table>
      )}
      {off.length > 0 && <p className="chips" style={{ flexWrap: 'wrap', alignItems: 'center' }}><span className="dim">{t('quality.off')}</span>{off.map((r) => <Button key={r.id} size="compact-sm" variant="default" onClick={() => setOpen(r)}>{r.name}</Button>)}</p>}
      <RuleDialog rule={open === 'new' ? null : open} entity={e} opened={open !== null} onClose={() => setOpen(null)} onDone={onChanged} />
    </>
  );
}

export default function QualityPage() {
  const meta = useMeta();
  const client = useQueryClient();
  const [, go] = useLocation();
  const asked = new URLSearchParams(useSearch()).get('of');
  const own = meta.entity('quality_rule');
  const all = useQuery({ queryKey: ['related', 'quality_rule', 'all'], enabled: !!own, queryFn: ({ signal }) => get<{ items: Rule[] }>('/quality_rules', { limit: 200, sort: 'id' }, signal) });
  useTitle(t('quality.title'));
  if (!own) return <Empty title={t('error.nowhere')} />;
  if (all.error && !all.data) return <ErrorState error={all.error} retry={() => void all.refetch()} />;
  if (!all.data) return null;
  const rules = all.data.items;
  const objects = meta.nav().all.filter((e) => e !== own && can(e, 'read') && (rules.some((r) => r.entity === e.name) || e.custom));
  const e = objects.find((x) => x.name === asked) ?? objects.find((x) => x.person) ?? objects[0];
  const anew = () => void client.invalidateQueries({ queryKey: ['related'] });
  return (
    <div className="scrollpage">
      <div className="row spread" style={{ display: 'flex', flexWrap: 'wrap', gap: 12, alignItems: 'center' }}><h1 style={{ margin: 0, fontSize: 22, flex: 1 }}>{t('quality.title')}</h1>{can(own, 'update') && <Measure onOver={anew} />}</div>
      {e && <div className="scrollx" style={{ marginTop: 10 }}><Segments small label={t('quality.of.label')} data={objects.map((x) => ({ value: x.name, label: x.label_plural }))} value={e.name} onChange={(v) => go(`/quality?of=${v}`, { replace: true })} /></div>}
      {e ? <Rules key={e.name} entity={e} rules={rules} onChanged={anew} /> : <Empty title={t('quality.none')} />}
    </div>
  );
}
