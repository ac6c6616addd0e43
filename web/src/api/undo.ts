// Taking back a change set: at once, or by a job that is followed to its end.
import { call, get } from './client';

/** A record that a change set was about; its name is empty for who may not read it. */
export interface Touched { entity: string; id: number; name: string; kind: string; fields: string[] }
export interface ChangeSet { id: number; at: string; user: number | null; user_name: string; via: string; kind: string; label: string; changes: number; records: Touched[]; can_undo: boolean; undone_by: number | null; undo_of: number | null }
export interface Job { id: number; kind: string; state: string; done: number; total: number; error: string; user: number; created_at: string; due: string; ended_at: string | null; attempts: number; change_set: number | null; result: null | Record<string, any> }
export const OVER = new Set(['done', 'failed', 'cancelled', 'refused']);

/** Waits for a job to end; the wait grows, and a growing count is told. */
export async function followJob(id: number, tell?: (j: Job) => void): Promise<Job> {
  for (let wait = 150; ; wait = Math.min(1500, wait * 1.4)) {
    await new Promise((r) => setTimeout(r, wait));
    const job = await get<Job>(`/jobs/${id}`);
    if (OVER.has(job.state)) return job;
    tell?.(job);
  }
}

/** What stood in the way of the whole is told with the first reason. */
export async function undoSet(set: number, tell?: (j: Job) => void): Promise<{ left: number; why: string }> {
  const r = await call<{ job?: number }>('POST', '/undo', { change_set: set });
  if (r.status !== 202 || !r.data?.job) return { left: 0, why: '' };
  const job = await followJob(r.data.job, tell);
  if (job.state !== 'done') throw new Error(job.error || job.state);
  return { left: job.result?.left ?? 0, why: job.result?.errors?.[0]?.message ?? '' };
}
