import { Button, Checkbox, Group, Modal, MultiSelect, PasswordInput, Select, Stack, Switch, Table, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { call, getSession, Problem } from '../api/client';
import { ago } from '../fields/format';
import { t } from '../locale/t';
import { can, useMeta, type Rec } from '../meta/meta';
import { Chip, Complaint, ErrorState, Letter, Loading } from '../ui/bits';
import { Link } from '../ui/Link';
import { Page } from './Page';
import { useRows, useSave } from './rows';
import { ScrollX } from '../ui/ScrollX';

function Invite({ onClose }: { onClose: () => void }) {
  const roles = useRows('roles', { fields: 'id,name', sort: 'name' });
  const teams = useRows('teams', { fields: 'id,name', sort: 'name' });
  const save = useSave();
  const [v, setV] = useState({ name: '', email: '', password: '', roles: [] as string[], team: null as string | null, admin: false });
  const [made, setMade] = useState(0);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const at = (f: string) => (error instanceof Problem ? error.at(f) : undefined);
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setError(null);
    if (v.password.length < 10) return setError(new Problem(422, 'invalid', t('users.short'), [{ field: 'password', message: t('users.short') }], ''));
    setBusy(true);
    try {
      // the user first; where only the password is refused, the next try sets that alone
      const id = made || (await call<Rec>('POST', '/users', { name: v.name.trim(), email: v.email.trim(), admin: v.admin, roles: v.roles.map((r) => ({ id: Number(r) })), ...(v.team && { team: Number(v.team) }) })).data.id;
      setMade(id);
      await call('POST', '/me/password', { user: id, password: v.password });
      await save('GET', '/me');
      onClose();
    } catch (x) { setError(x); } finally { setBusy(false); }
  }
  const names = (rows: Rec[] | undefined) => (rows ?? []).map((r) => ({ value: String(r.id), label: r.name }));
  return (
    <form onSubmit={(ev) => void submit(ev)} noValidate>
      <Stack gap="sm">
        <TextInput label={t('users.name')} required autoFocus value={v.name} error={at('name')} onChange={(ev) => setV({ ...v, name: ev.currentTarget.value })} />
        <TextInput label={t('signin.email')} required type="email" value={v.email} error={at('email')} onChange={(ev) => setV({ ...v, email: ev.currentTarget.value })} />
        <PasswordInput label={t('users.password')} description={t('users.password.help')} required autoComplete="new-password" value={v.password} error={at('password')} visibilityToggleButtonProps={{ 'aria-label': t('signin.show') }} onChange={(ev) => setV({ ...v, password: ev.currentTarget.value })} />
        <MultiSelect searchable label={t('set.roles')} data={names(roles.data)} value={v.roles} onChange={(x) => setV({ ...v, roles: x })} />
        <Select label={t('users.team')} clearable clearButtonProps={{ 'aria-label': t('clear') }} data={names(teams.data)} value={v.team} onChange={(x) => setV({ ...v, team: x })} />
        <Checkbox label={t('users.admin')} checked={v.admin} onChange={(ev) => setV({ ...v, admin: ev.currentTarget.checked })} />
        {error && !['name', 'email', 'password'].some(at) ? <Complaint error={error} /> : null}
        <Group justify="flex-end" gap="xs"><Button variant="default" onClick={onClose}>{t('cancel')}</Button><Button type="submit" loading={busy}>{t('users.invite')}</Button></Group>
      </Stack>
    </form>
  );
}

export default function Users() {
  const e = useMeta().entity('user')!;
  const rows = useRows('users', { sort: 'name', fields: 'id,version,name,email,active,admin,team,roles,last_seen_at' });
  const save = useSave();
  const [inviting, setInviting] = useState(false);
  const me = getSession().user?.id;
  const change = can(e, 'update');
  return (
    <Page title={t('set.users')} help={t('users.help')} action={can(e, 'create') && <Button onClick={() => setInviting(true)}>{t('users.invite')}</Button>}>
      {rows.error ? <ErrorState error={rows.error} retry={() => void rows.refetch()} /> : !rows.data ? <Loading height={200} /> : (
        <ScrollX label={t('set.users')}>
          <Table verticalSpacing={6}>
            <Table.Thead><Table.Tr><Table.Th>{t('users.name')}</Table.Th><Table.Th>{t('set.roles')}</Table.Th><Table.Th>{t('users.team')}</Table.Th><Table.Th>{t('users.seen')}</Table.Th><Table.Th>{t('users.active')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>
              {rows.data.map((r) => (
                <Table.Tr key={r.id}>
                  <Table.Td><span className="row" style={{ flexWrap: 'nowrap' }}><Letter text={r.name} /><span><Link className="rowlink" href={`/e/${e.plural}/${r.id}`}>{r.name}</Link><br /><small className="dim">{r.email}</small></span></span></Table.Td>
                  <Table.Td><span className="chips" style={{ flexWrap: 'wrap' }}>{r.admin && <Chip label={t('users.admin')} colour="indigo" />}{(r.roles ?? []).map((x: Rec) => <Chip key={x.id} plain label={x.name} />)}</span></Table.Td>
                  <Table.Td>{r.team?.name ?? '–'}</Table.Td>
                  <Table.Td className="num">{r.last_seen_at ? ago(r.last_seen_at) : '–'}</Table.Td>
                  <Table.Td><Switch aria-label={t('users.active.of', { name: r.name })} checked={!!r.active} disabled={!change || r.id === me} onChange={(ev) => void save('PATCH', `/users/${r.id}`, { active: ev.currentTarget.checked })} /></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </ScrollX>
      )}
      <Modal opened={inviting} onClose={() => setInviting(false)} title={t('users.invite')} closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }} closeOnClickOutside={false}>{inviting && <Invite onClose={() => setInviting(false)} />}</Modal>
    </Page>
  );
}
