// A job of the server that a page has started, followed in a line of that page.
import { Button, Progress } from '@mantine/core';
import { useEffect, useState } from 'react';
import { call, get } from '../api/client';
import { number } from '../fields/format';
import { t } from '../locale/t';

export interface Job { id: number; state: string; done: number; total: number; error?: string; result: any }
const OVER = new Set(['done', 'failed', 'cancelled', 'refused']);

/** `id`: the job, or null for none. Reads it until it is over, then tells `onOver` once. */
export function JobLine({ id, label, onOver }: { id: number | null; label: string; onOver: (job: Job) => void }) {
  const [job, setJob] = useState<Job | null>(null);
  useEffect(() => {
    setJob(null);
    if (id === null) return;
    let timer: ReturnType<typeof setTimeout>, gone = false;
    const look = async (wait: number) => {
      const now = await get<Job>(`/jobs/${id}`).catch(() => null);
      if (gone) return;
      if (now) setJob(now);
      if (now && OVER.has(now.state)) onOver(now);
      else timer = setTimeout(() => void look(Math.min(1500, wait * 1.4)), wait);
    };
    void look(200);
    return () => { gone = true; clearTimeout(timer); };
  }, [id]); // a new one of either only with a new job
  if (id === null) return null;
  const part = job?.total ? (job.done / job.total) * 100 : 0;
  return (
    <div className="jobline" role="status">
      <span className="grow">{label}{job?.total ? ` ${t('bulk.progress', { done: number(job.done), total: number(job.total) })}` : ''}<Progress value={part} size="sm" mt={4} aria-label={label} /></span>
      <Button size="compact-sm" variant="default" onClick={() => void call('POST', `/jobs/${id}/cancel`).catch(() => {})}>{t('cancel')}</Button>
    </div>
  );
}
