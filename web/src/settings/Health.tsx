// How the installation does: what the server measures of itself, its jobs, back-ups, a check of the whole database.
import { Button, Progress, Table, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call, get, plain } from '../api/client';
import { OVER, type Job } from '../api/undo';
import { ago, bytes, duration, instant, number } from '../fields/format';
import { t, type Key } from '../locale/t';
import { useMeta } from '../meta/meta';
import { Chip, Complaint, Empty, ErrorState, Loading } from '../ui/bits';
import { Page } from './Page';
import { useSave } from './rows';
import { ScrollX } from '../ui/ScrollX';

/** `name{labels} value` a line. */
const parse = (text: string) => new Map(text.split('\n').filter((l) => l && !l.startsWith('#')).map((l) => { const at = l.lastIndexOf(' '); return [l.slice(0, at).replace(/^kith_/, ''), Number(l.slice(at + 1))] as const; }));

function Numbers() {
  const q = useQuery({ queryKey: ['settings', 'metrics'], refetchInterval: 10_000, retry: false, queryFn: async ({ signal }) => parse(await plain('/metrics', signal)) });
  if (q.error) return <ErrorState error={q.error} />;
  if (!q.data) return <Loading height={90} />;
  const m = (k: string) => q.data.get(k) ?? 0;
  const calls = m('http_seconds_count');
  const tile = (key: string, value: string, bad = false) => <div key={key} className={bad ? 'stat bad' : 'stat'} data-stat={key}><b className="num">{value}</b>{t(`health.${key}` as Key)}</div>;
  return (
    <div className="stats">
      {tile('up', duration(Math.max(0, Date.now() / 1000 - m('start_time_seconds'))))}
      {tile('calls', number(calls))}
      {tile('mean', calls ? `${number((m('http_seconds_sum') / calls) * 1000, 1)} ms` : '–')}
      {tile('slow', number(m('http_slow_total')))}
      {tile('failed', number(m('http_answers_total{class="5xx"}')), m('http_answers_total{class="5xx"}') > 0)}
      {tile('connections', number(m('http_connections')))}
      {tile('waiting', number(m('jobs_waiting')))}
      {tile('behind', number(m('feed_newest') - m('feed_slowest_consumer')))}
      {q.data.has('wal_bytes') && tile('wal', bytes(m('wal_bytes')))}
      {m('read_only') > 0 && tile('readonly', t('yes'), true)}
    </div>
  );
}

function Jobs() {
  const save = useSave();
  const q = useQuery({ queryKey: ['settings', 'jobs'], refetchInterval: 3000, queryFn: ({ signal }) => get<{ items: Job[] }>('/jobs', { limit: 50 }, signal) });
  if (q.error) return <ErrorState error={q.error} />;
  if (!q.data) return <Loading height={120} />;
  if (!q.data.items.length) return <Empty title={t('jobs.none')} />;
  return (
    <ScrollX label={t('jobs.title')}>
      <Table verticalSpacing={4}>
        <Table.Thead><Table.Tr><Table.Th>{t('jobs.kind')}</Table.Th><Table.Th>{t('jobs.state')}</Table.Th><Table.Th>{t('jobs.done')}</Table.Th><Table.Th>{t('audit.when')}</Table.Th><Table.Th><span className="hide">{t('cancel')}</span></Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>{q.data.items.map((j) => <Table.Tr key={j.id}><Table.Td>{j.kind.replaceAll('_', ' ')}{j.error && <div className="bad">{j.error}</div>}</Table.Td><Table.Td><Chip label={j.state} colour={j.state === 'done' ? 'green' : j.state === 'failed' ? 'red' : j.state === 'running' ? 'blue' : 'gray'} /></Table.Td><Table.Td>{j.total ? <>{number(j.done)} / {number(j.total)}{!OVER.has(j.state) && <Progress size="xs" value={(j.done / j.total) * 100} aria-label={t('jobs.done')} />}</> : '–'}</Table.Td><Table.Td><time dateTime={j.created_at} title={instant(j.created_at)}>{ago(j.created_at)}</time></Table.Td><Table.Td>{!OVER.has(j.state) && <Button size="compact-xs" variant="default" aria-label={t('jobs.cancel', { n: j.id })} onClick={() => void save('POST', `/jobs/${j.id}/cancel`, {})}>{t('cancel')}</Button>}</Table.Td></Table.Tr>)}</Table.Tbody>
      </Table>
    </ScrollX>
  );
}

function Care() {
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState('');
  const [error, setError] = useState<unknown>(null);
  async function act(what: 'backup' | 'check') {
    setBusy(what);
    setError(null);
    try {
      if (what === 'backup') setSaid(t('health.backup.done', { file: (await call<{ file: string }>('POST', '/backup', {})).data.file }));
      else { const r = await get<{ findings: unknown[]; checks: number }>('/check'); setSaid(t(r.findings.length ? 'health.check.bad' : 'health.check.good', { n: number(r.checks), bad: number(r.findings.length) })); }
    } catch (x) { setError(x); } finally { setBusy(''); }
  }
  return (
    <>
      <div className="row"><Button variant="default" loading={busy === 'backup'} onClick={() => void act('backup')}>{t('health.backup')}</Button><Button variant="default" loading={busy === 'check'} onClick={() => void act('check')}>{t('health.check')}</Button></div>
      {said && <p role="status" style={{ overflowWrap: 'anywhere' }}>{said}</p>}
      <Complaint error={error} />
    </>
  );
}

export default function Health() {
  const admin = useMeta().raw.user.admin;
  return (
    <Page title={t('set.health')}>
      {admin && <><Numbers /><Care /></>}
      <Title order={2} size="h5" mt="lg" mb={6}>{t('jobs.title')}</Title>
      <Jobs />
    </Page>
  );
}
