// What to begin with: a business to look around in, one's own data, or nothing.
import { Button, Progress, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { call } from '../api/client';
import { followJob, type Job } from '../api/undo';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { address, can, useMeta } from '../meta/meta';
import { Complaint, useTitle } from '../ui/bits';
import { Link } from '../ui/Link';

export default function Welcome() {
  const meta = useMeta();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [job, setJob] = useState<Job | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle(t('welcome.title'));
  const first = meta.nav().main.find((e) => e.person) ?? meta.nav().main[0];
  async function load() {
    setBusy(true);
    setError(null);
    try {
      const { data } = await call<{ job: number }>('POST', '/demo/load', {});
      const done = await followJob(data.job, setJob);
      if (done.state !== 'done') throw new Error(done.error || done.state);
      await client.invalidateQueries();
      go('/dashboards');
    } catch (x) { setError(x); } finally { setBusy(false); setJob(null); }
  }
  return (
    <div className="scrollpage">
      <Title order={1} size="h2">{t('welcome.hello', { name: meta.raw.user.name })}</Title>
      <p>{t('welcome.help')}</p>
      <div className="choicecards">
        {meta.raw.user.admin && (
          <section aria-label={t('welcome.sample')}>
            <Title order={2} size="h5">{t('welcome.sample')}</Title>
            <p>{t('welcome.sample.help')}</p>
            {busy ? <div role="status"><Progress value={job?.total ? (100 * job.done) / job.total : 3} animated aria-label={t('welcome.loading')} /><small className="dim">{job?.total ? t('welcome.progress', { n: number(job.done), all: number(job.total) }) : t('welcome.loading')}</small></div> : <Button onClick={() => void load()}>{t('welcome.sample.go')}</Button>}
            <Complaint error={error} />
          </section>
        )}
        {first && can(first, 'import') && (
          <section aria-label={t('welcome.import')}>
            <Title order={2} size="h5">{t('welcome.import')}</Title>
            <p>{t('welcome.import.help')}</p>
            <Button component={Link} variant="default" disabled={busy} href={address(first) + '/import'}>{t('welcome.import.go', { label: first.label_plural })}</Button>
          </section>
        )}
        <section aria-label={t('welcome.empty')}>
          <Title order={2} size="h5">{t('welcome.empty')}</Title>
          <p>{t('welcome.empty.help')}</p>
          <Button component={Link} variant="default" disabled={busy} href="/">{t('welcome.empty.go')}</Button>
        </section>
      </div>
    </div>
  );
}
