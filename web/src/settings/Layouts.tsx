// The order and groups of a record's fields. Kept by numbers, so that a new name breaks nothing.
import { ActionIcon, Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { t } from '../locale/t';
import { can, useMeta, type Entity, type Field } from '../meta/meta';
import { groupsOf, usualGroups, type Group } from '../record/layout';
import { say } from '../ui/undo';
import { Page } from './Page';
import { useRows, useSave } from './rows';

function Editor({ entity: e }: { entity: Entity }) {
  const meta = useMeta();
  const save = useSave();
  const kept = useRows('layouts', { where: `entity = '${e.name}' and kind = 'record'` });
  const begin = groupsOf(meta, e);
  const [groups, setGroups] = useState<Group[]>(begin.groups);
  const [hidden, setHidden] = useState<Field[]>(begin.hidden);
  const [name, setName] = useState('');
  const may = can(meta.entity('layout')!, 'update');
  const record = kept.data?.[0];
  const put = (f: Field, to: number) => {
    setGroups((old) => old.map((g, i) => ({ ...g, fields: i === to ? (g.fields.includes(f) ? g.fields : [...g.fields, f]) : g.fields.filter((x) => x !== f) })));
    setHidden((old) => (to < 0 ? (old.includes(f) ? old : [...old, f]) : old.filter((x) => x !== f)));
  };
  const move = (gi: number, fi: number, by: number) => setGroups((old) => old.map((g, i) => { if (i !== gi) return g; const fields = [...g.fields]; [fields[fi], fields[fi + by]] = [fields[fi + by]!, fields[fi]!]; return { ...g, fields }; }));
  async function keep() {
    const content = { groups: groups.filter((g) => g.fields.length).map((g) => ({ name: g.name, fields: g.fields.map((f) => f.number) })), hidden: hidden.map((f) => f.number) };
    if (await (record ? save('PATCH', `/layouts/${record.id}`, { content }) : save('POST', '/layouts', { entity: e.name, kind: 'record', content }))) say('layout', t('layouts.saved'));
  }
  async function reset(id: number) { if (await save('DELETE', `/layouts/${id}`)) { setGroups(usualGroups(e)); setHidden([]); } }
  const row = (f: Field, gi: number, fi: number, n: number) => (
    <li key={f.number} className="layoutrow">
      <span className="grow cut">{f.label}</span>
      <NativeSelect size="xs" aria-label={t('layouts.group.of', { label: f.label })} disabled={!may} data={[...groups.map((g, i) => ({ value: String(i), label: g.name || t('layouts.first') })), { value: '-1', label: t('layouts.hidden') }]} value={String(gi)} onChange={(ev) => put(f, Number(ev.currentTarget.value))} />
      {gi >= 0 && <span><ActionIcon size={26} variant="subtle" color="gray" disabled={!may || fi === 0} aria-label={t('choices.up', { name: f.label })} onClick={() => move(gi, fi, -1)}>↑</ActionIcon><ActionIcon size={26} variant="subtle" color="gray" disabled={!may || fi === n - 1} aria-label={t('choices.down', { name: f.label })} onClick={() => move(gi, fi, 1)}>↓</ActionIcon></span>}
    </li>
  );
  return (
    <>
      {groups.map((g, gi) => <section key={gi} aria-label={g.name || t('layouts.first')}><div className="groupname">{g.name || t('layouts.first')}</div><ul className="plainlist">{g.fields.map((f, fi) => row(f, gi, fi, g.fields.length))}{g.fields.length === 0 && <li className="dim">{t('layouts.none')}</li>}</ul></section>)}
      {hidden.length > 0 && <section aria-label={t('layouts.hidden')}><div className="groupname">{t('layouts.hidden')}</div><ul className="plainlist">{hidden.map((f) => row(f, -1, 0, 0))}</ul></section>}
      {may && (
        <div className="row stickybar">
          <form className="row" onSubmit={(ev) => { ev.preventDefault(); if (name.trim()) { setGroups([...groups, { name: name.trim(), fields: [] }]); setName(''); } }}><TextInput size="xs" aria-label={t('layouts.new')} placeholder={t('layouts.new')} value={name} onChange={(ev) => setName(ev.currentTarget.value)} /><Button size="xs" variant="default" type="submit">{t('layouts.add')}</Button></form>
          <span className="grow" />
          {record && <Button size="xs" variant="default" onClick={() => void reset(record.id)}>{t('layouts.reset')}</Button>}
          <Button size="xs" onClick={() => void keep()}>{t('save')}</Button>
        </div>
      )}
    </>
  );
}

export default function Layouts() {
  const meta = useMeta();
  const all = meta.nav().all;
  const [at, setAt] = useState(all[0]?.name ?? '');
  const e = meta.entity(at);
  return (
    <Page title={t('set.layouts')} help={t('layouts.help')}>
      <NativeSelect maw={320} aria-label={t('fields.entity')} data={all.map((x) => ({ value: x.name, label: x.label_plural }))} value={at} onChange={(ev) => setAt(ev.currentTarget.value)} />
      {e && <Editor key={e.name} entity={e} />}
    </Page>
  );
}
