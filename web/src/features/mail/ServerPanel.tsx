// A mail server: whether it works, and its password, which is never shown again.
import { Button, Group, PasswordInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../../api/client';
import { t } from '../../locale/t';
import { mayRun } from '../../meta/meta';
import type { PanelProps } from '../../record/panel';
import { Complaint } from '../../ui/bits';
import { say } from '../../ui/undo';
import '../features.css';

export default function ServerPanel({ entity: e, record: r }: PanelProps) {
  const client = useQueryClient();
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>(null);
  async function save(ev: FormEvent) {
    ev.preventDefault();
    setError(null);
    try {
      await call('POST', `/mail_servers/${r.id}/set_password`, { password });
      setPassword('');
      say('password', t('mail.password.kept'));
      await client.invalidateQueries({ queryKey: ['record', e.name, r.id] });
    } catch (x) { setError(x); }
  }
  return (
    <div>
      <p className="verdict" role="status">{r.state === 'failing' ? t('mail.failing', { why: r.error ?? '' }) : r.state === 'ok' ? t('mail.ok') : t('mail.untried')}</p>
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
