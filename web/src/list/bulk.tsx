// One change to many records: a job of the server, followed in a message that can stop it and take it back.
import { Button, Progress } from '@mantine/core';
import type { QueryClient } from '@tanstack/react-query';
import { call } from '../api/client';
import { followJob, undoSet } from '../api/undo';
import { number } from '../fields/format';
import { t } from '../locale/t';
import type { Entity } from '../meta/meta';
import { say, sayError, undoable, unsay } from '../ui/undo';

export interface Target { ids?: number[]; where?: string; q?: string }
export type Work = { set?: Record<string, unknown>; add?: Record<string, unknown[]>; remove?: Record<string, unknown[]>; clear?: string[]; do?: 'delete' | 'restore' };
let made = 0;

export async function bulk(client: QueryClient, e: Entity, target: Target, work: Work): Promise<void> {
  const key = `bulk-${++made}`;
  const { data: started } = await call<{ job: number; change_set: number }>('POST', `/${e.plural}/bulk`, { ...target, ...work });
  const stop = () => void call('POST', `/jobs/${started.job}/cancel`).catch(sayError);
  say(key, t('bulk.running'), { stays: true });
  void follow(client, e, key, started, stop).catch((x: unknown) => sayError(x, key));
}

async function follow(client: QueryClient, e: Entity, key: string, started: { job: number; change_set: number }, stop: () => void) {
  const job = await followJob(started.job, (j) => say(key, <span className="toast"><span className="grow">{t('bulk.progress', { done: number(j.done), total: number(j.total) })}<Progress value={j.total ? (j.done / j.total) * 100 : 0} size="sm" mt={4} aria-label={t('bulk.running')} /></span><Button size="compact-sm" variant="default" onClick={stop}>{t('cancel')}</Button></span>, { stays: true }));
  void client.invalidateQueries({ queryKey: ['list', e.name] });
  void client.invalidateQueries({ queryKey: ['count', e.name] });
  const r = job.result;
  const back = async () => { await undoSet(started.change_set); void client.invalidateQueries({ queryKey: ['list', e.name] }); void client.invalidateQueries({ queryKey: ['count', e.name] }); };
  // what was done before it was stopped stays done, and can be taken back
  if (!r && /^cancel/.test(job.state)) { unsay(key); if (job.done) undoable(t('bulk.stopped', { n: number(job.done) }), back, `${key}-done`); return; }
  if (!r) { say(key, job.error || t('bulk.failed'), { red: true }); return; }
  const words = [t('bulk.changed', { n: number(r.changed) }), r.failed ? t('bulk.notchanged', { n: number(r.failed) }) + (r.errors?.[0] ? `: ${r.errors[0].message}` : '') : ''].filter(Boolean).join(' ');
  unsay(key);
  if (r.changed) undoable(words, back, `${key}-done`);
  else say(`${key}-done`, words, { red: r.failed > 0 });
}
