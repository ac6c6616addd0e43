// A mail server: whether it works, a trial of it, and its password, which is never shown again.
import { Button, Group, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client';
import { followJob } from '../../api/undo';
import { t } from '../../locale/t';
import { mayRun, type Rec } from '../../meta/meta';
import type { PanelProps } from '../../record/panel';
import { Complaint } from '../../ui/bits';
import { useAct } from '../../ui/useAct';
import { say } from '../../ui/undo';
import '../features.css';

/** What a trial is about. */
const tried = (r: Rec) => JSON.stringify([r.id, r.host, r.port, r.security, r.any_certificate, r.username, r.has_password]);

/** A connection up to the sign-in, by a job of the server; what came of it stays until something else would be tried. */
function Trial({ record: r, onOver }: { record: Rec; onOver: () => Promise<Rec> }) {
  const [told, setTold] = useState<{ what: string; ok: boolean; message: string } | null>(null);
  const { busy, error, act } = useAct(async () => {
    setTold(null);
    const { data } = await call<{ job: number }>('POST', `/mail_servers/${r.id}/check`, {});
    const job = await followJob(data.job);
    const now = await onOver();
    if (job.state !== 'done') throw new Error(job.error || job.state);
    setTold({ what: tried(now), ...job.result as { ok: boolean; message: string } });
  });
  return (
    <section className="panelpart">
      <Button variant="default" loading={busy} onClick={act}>{t('mail.check')}</Button>
      <div role="status" style={{ marginTop: 10 }}>
        {busy && <span className="dim">{t('mail.checking')}</span>}
        {told?.what === tried(r) && <p className={told.ok ? 'verdict good' : 'verdict bad'}>{told.message}</p>}
      </div>
      <Complaint error={error} />
    </section>
  );
}

export default function ServerPanel({ entity: e, record: r }: PanelProps) {
  const client = useQueryClient();
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>(null);
  const anew = () => client.invalidateQueries({ queryKey: ['record', e.name, r.id] });
  async function save(ev: FormEvent) {
    ev.preventDefault();
    setError(null);
    try {
      await call('POST', `/mail_servers/${r.id}/set_password`, { password });
      setPassword('');
      say('password', t('mail.password.kept'));
      await anew();
    } catch (x) { setError(x); }
  }
  return (
    <div>
      <p className="verdict" role="status">{r.state === 'failing' ? t('mail.failing', { why: r.error ?? '' }) : r.state === 'ok' ? t('mail.ok') : t('mail.untried')}</p>
      {mayRun(e, 'check') && <Trial record={r} onOver={async () => { await anew(); return client.getQueryData<Rec>(['record', e.name, r.id]) ?? r; }} />}
      {mayRun(e, 'set_password') && (
        <form onSubmit={(ev) => void save(ev)}>
          <Group gap={8} align="flex-end">
            <PasswordInput style={{ flex: 1, maxWidth: 340 }} label={t('mail.password')} description={r.has_password ? t('mail.password.there') : t('mail.password.none')} autoComplete="off" value={password} visibilityToggleButtonProps={{ 'aria-label': t('signin.show') }} onChange={(ev) => setPassword(ev.currentTarget.value)} />
            <Button type="submit" variant="default" disabled={!password}>{t('save')}</Button>
          </Group>
          <Complaint error={error} />
        </form>
      )}
    </div>
  );
}
