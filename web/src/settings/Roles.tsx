// Who may do what: a matrix of objects and rights for each role, and below it single fields.
import { ActionIcon, Button, NativeSelect, Table, TextInput, Title } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { t, type Key } from '../locale/t';
import { can, useMeta, type Rec } from '../meta/meta';
import { Empty, ErrorState, Loading } from '../ui/bits';
import { Page } from './Page';
import { SeeAs } from './SeeAs';
import { useRows, useSave } from './rows';
import { ScrollX } from '../ui/ScrollX';

const RIGHTS = ['read', 'create', 'update', 'delete', 'export', 'import', 'bulk'] as const;
const LEVELS = ['none', 'own', 'team', 'below', 'all'] as const;
const FIELD_LEVELS = ['hidden', 'read', 'write'] as const;
// to make, to bring in or to change many at once is allowed or not: there is no owner yet
const level = (l: string) => ({ value: l, label: t(`level.${l}` as Key) });

function Matrix({ role, may }: { role: Rec; may: boolean }) {
  const meta = useMeta();
  const save = useSave();
  const rows = useRows('grants', { where: `role = ${role.id}`, fields: ['id', 'entity', 'condition', 'actions', ...RIGHTS].join(',') });
  if (rows.error) return <ErrorState error={rows.error} retry={() => void rows.refetch()} />;
  if (!rows.data) return <Loading height={160} />;
  const of = new Map(rows.data.map((g) => [g.entity as string, g]));
  const name = (n: string) => (n === '*' ? t('roles.others') : meta.entity(n)?.label_plural ?? n);
  const shown = ['*', ...[...of.keys()].filter((n) => n !== '*').sort((a, b) => name(a).localeCompare(name(b)))];
  const rest = meta.raw.entities.filter((e) => !e.link && !of.has(e.name));
  const put = (entity: string, right: string, value: string) => { const g = of.get(entity); void (g ? save('PATCH', `/grants/${g.id}`, { [right]: value }) : save('POST', '/grants', { role: role.id, entity, [right]: value })); };
  return (
    <>
      <ScrollX className="pinned" label={t('roles.matrix', { name: role.name })}>
        <Table verticalSpacing={4} className="matrix">
          <Table.Thead><Table.Tr><Table.Th>{t('roles.object')}</Table.Th>{RIGHTS.map((r) => <Table.Th key={r}>{t(`right.${r}` as Key)}</Table.Th>)}<Table.Th><span className="hide">{t('roles.remove')}</span></Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>
            {shown.map((n) => {
              const g = of.get(n);
              return (
                <Table.Tr key={n}>
                  <Table.Th scope="row">{name(n)}{g?.condition && <small className="dim"> {t('roles.where', { text: g.condition })}</small>}</Table.Th>
                  {RIGHTS.map((r) => <Table.Td key={r} data-level={g?.[r] ?? 'none'}><NativeSelect size="xs" disabled={!may} aria-label={`${name(n)}: ${t(`right.${r}` as Key)}`} data={LEVELS.map(level)} value={g?.[r] ?? 'none'} onChange={(ev) => put(n, r, ev.currentTarget.value)} /></Table.Td>)}
                  <Table.Td>{g && n !== '*' && may && <ActionIcon variant="subtle" color="gray" aria-label={t('roles.drop', { name: name(n) })} onClick={() => void save('DELETE', `/grants/${g.id}`)}>✕</ActionIcon>}</Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
      </ScrollX>
      {may && <NativeSelect mt="xs" maw={280} size="xs" aria-label={t('roles.more')} data={[{ value: '', label: t('roles.more') }, ...rest.map((e) => ({ value: e.name, label: e.label_plural }))]} value="" onChange={(ev) => { if (ev.currentTarget.value) { const star = of.get('*'); void save('POST', '/grants', { role: role.id, entity: ev.currentTarget.value, ...Object.fromEntries(RIGHTS.map((r) => [r, star?.[r] ?? 'none'])) }); } }} />}
    </>
  );
}

function FieldRights({ role, may }: { role: Rec; may: boolean }) {
  const meta = useMeta();
  const save = useSave();
  const rows = useRows('field_grants', { where: `role = ${role.id}` });
  const [entity, setEntity] = useState('');
  const [field, setField] = useState('');
  const e = meta.entity(entity);
  async function add(lv: string) { if (await save('POST', '/field_grants', { role: role.id, entity, field, level: lv })) setField(''); }
  return (
    <section aria-label={t('roles.fields')} style={{ marginTop: 22 }}>
      <Title order={2} size="h5" mb={6}>{t('roles.fields')}</Title>
      <ul className="plainlist">
        {(rows.data ?? []).map((g) => { const of = meta.entity(g.entity); const f = of?.fields.find((x) => x.name === g.field); return <li key={g.id} style={{ alignItems: 'center' }}><span className="grow">{of?.label ?? g.entity}: {f?.label ?? g.field}</span><NativeSelect size="xs" disabled={!may} aria-label={`${of?.label ?? g.entity}: ${f?.label ?? g.field}`} data={FIELD_LEVELS.map(level)} value={g.level} onChange={(ev) => void save('PATCH', `/field_grants/${g.id}`, { level: ev.currentTarget.value })} />{may && <ActionIcon variant="subtle" color="gray" aria-label={t('roles.drop', { name: f?.label ?? g.field })} onClick={() => void save('DELETE', `/field_grants/${g.id}`)}>✕</ActionIcon>}</li>; })}
        {rows.data?.length === 0 && <li className="dim">{t('roles.fields.none')}</li>}
      </ul>
      {may && (
        <div className="row" style={{ marginTop: 8 }}>
          <NativeSelect size="xs" aria-label={t('roles.object')} data={[{ value: '', label: t('roles.object') }, ...meta.raw.entities.filter((x) => !x.link).map((x) => ({ value: x.name, label: x.label_plural }))]} value={entity} onChange={(ev) => { setEntity(ev.currentTarget.value); setField(''); }} />
          <NativeSelect size="xs" aria-label={t('fields.label')} disabled={!e} data={[{ value: '', label: t('filter.field') }, ...(e?.fields ?? []).filter((f) => !f.standard).map((f) => ({ value: f.name, label: f.label }))]} value={field} onChange={(ev) => setField(ev.currentTarget.value)} />
          {FIELD_LEVELS.map((l) => <Button key={l} size="compact-sm" variant="default" disabled={!field} onClick={() => void add(l)}>{t(`level.${l}` as Key)}</Button>)}
        </div>
      )}
    </section>
  );
}

export default function Roles() {
  const e = useMeta().entity('role')!;
  const save = useSave();
  const roles = useRows('roles', { sort: 'name' });
  const [at, setAt] = useState(0);
  const [name, setName] = useState('');
  const role = roles.data?.find((r) => r.id === at) ?? roles.data?.[0];
  const may = can(e, 'update');
  async function add(ev: FormEvent) { ev.preventDefault(); const r = name.trim() && await save('POST', '/roles', { name: name.trim() }); if (r) { setName(''); setAt(r.id); } }
  return (
    <Page title={t('set.roles')} help={t('roles.help')}>
      <div className="row" role="group" aria-label={t('set.roles')} style={{ marginBottom: 12 }}>
        {(roles.data ?? []).map((r) => <Button key={r.id} size="compact-sm" variant={r === role ? 'filled' : 'default'} aria-pressed={r === role} onClick={() => setAt(r.id)}>{r.name}</Button>)}
        {can(e, 'create') && <form className="row" onSubmit={(ev) => void add(ev)}><TextInput size="xs" aria-label={t('roles.name')} placeholder={t('roles.name')} value={name} onChange={(ev) => setName(ev.currentTarget.value)} /><Button size="xs" type="submit" variant="default">{t('roles.add')}</Button></form>}
      </div>
      {roles.error ? <ErrorState error={roles.error} retry={() => void roles.refetch()} /> : !roles.data ? <Loading height={160} /> : role ? <><Matrix key={role.id} role={role} may={may} /><FieldRights key={'f' + role.id} role={role} may={may} /></> : <Empty title={t('roles.none')} />}
      <SeeAs />
    </Page>
  );
}
