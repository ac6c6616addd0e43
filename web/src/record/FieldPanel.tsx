import { Button, Group, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useId, useState, type KeyboardEvent } from 'react';
import { Display } from '../fields/Display';
import { Input } from '../fields/Input';
import { isEmpty } from '../fields/format';
import { mayEdit, useEdit } from '../fields/useEdit';
import { patchRows, pick } from '../list/rows';
import { t } from '../locale/t';
import type { Entity, Field, Rec } from '../meta/meta';

function Row({ entity: e, record: r, field: f }: { entity: Entity; record: Rec; field: Field }) {
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const id = useId();
  const may = mayEdit(e, f, r);
  const end = () => { setEditing(false); edit.reset(); setTimeout(() => document.getElementById(id)?.focus()); };
  const edit = useEdit(e, f, r, (data) => { patchRows(client, e, r.id, (old) => ({ ...old, ...pick(data, old) })); end(); });
  const begin = () => { edit.begin(); setEditing(true); };
  const multiline = ['long_text', 'rich_text', 'json'].includes(f.kind);
  const picks = ['choice', 'choices', 'tags', 'reference', 'many', 'yes_no'].includes(f.kind);
  function key(ev: KeyboardEvent) {
    if (ev.key === 'Escape') { ev.stopPropagation(); end(); }
    if (ev.key === 'Enter' && ((!multiline && !picks && (ev.target as HTMLElement).tagName === 'INPUT') || ev.ctrlKey)) { ev.preventDefault(); void edit.save(); }
  }
  if (!editing) {
    return (
      <div className="field">
        <div className="label" title={f.help}>{f.label}</div>
        <div className={may ? 'editable wrap' : 'wrap'} onDoubleClick={may ? begin : undefined}>
          <div className="value">{isEmpty(r[f.name]) ? <span style={{ color: 'var(--mantine-color-dimmed)' }}>–</span> : <Display field={f} value={r[f.name]} />}</div>
          {may && <button id={id} type="button" className="pen" aria-label={t('record.edit', { label: f.label })} onClick={begin}>✎</button>}
        </div>
      </div>
    );
  }
  return (
    <div className="field" onKeyDown={key}>
      <div className="label">{f.label}</div>
      <Stack gap={6} py={2}>
        <Input field={f} value={edit.value} onChange={edit.setValue} autoFocus error={edit.message} />
        {edit.theirs && (
          <div role="alert">
            <div style={{ color: 'var(--mantine-color-error)' }}>{t('record.stale')}</div>
            <div style={{ margin: '4px 0' }}>{t('record.stale.now')} <b><Display field={f} value={edit.theirs[f.name]} /></b></div>
            <Group gap={6}><Button size="compact-sm" variant="default" onClick={() => void edit.save(edit.value, edit.theirs!.version)}>{t('record.stale.mine')}</Button><Button size="compact-sm" variant="default" onClick={end}>{t('record.stale.theirs')}</Button></Group>
          </div>
        )}
        {!edit.theirs && <Group gap={6}><Button size="compact-sm" loading={edit.busy} onClick={() => void edit.save()}>{t('save')}</Button><Button size="compact-sm" variant="default" onClick={end}>{t('cancel')}</Button></Group>}
      </Stack>
    </div>
  );
}

const nice = (s: string) => { const w = s.replaceAll('_', ' '); return w.charAt(0).toUpperCase() + w.slice(1); };

export function FieldPanel({ entity: e, record: r }: { entity: Entity; record: Rec }) {
  const [all, setAll] = useState(false);
  const usual = new Set(['owner', 'team', 'tags']);
  const groups = new Map<string, Field[]>();
  const put = (name: string, f: Field) => groups.set(name, [...(groups.get(name) ?? []), f]);
  // texts that only repeat the first of a list, and a person's name put together from its parts
  const lists = e.fields.some((f) => ['emails', 'phones', 'addresses'].includes(f.kind));
  const repeats = (f: Field) => !!f.read_only && !f.standard && (f.kind === 'person_name' || (lists && f.kind === 'text' && f.name !== e.title));
  for (const f of e.fields) if (!f.hidden && !f.group && !f.standard && !repeats(f)) put('', f);
  for (const f of e.fields) if (usual.has(f.name) && f.standard) put('', f);
  for (const f of e.fields) if (!f.hidden && f.group) put(nice(f.group), f);
  for (const f of e.fields) if (f.standard && !usual.has(f.name) && f.name !== 'deleted_at' && f.name !== 'version') put(t('record.system'), f);
  const shown = (f: Field) => all || !isEmpty(r[f.name]) || f.required || usual.has(f.name);
  const hidden = [...groups.values()].flat().filter((f) => !shown(f)).length;
  return (
    <>
      {[...groups].map(([name, fields]) => {
        const some = fields.filter(shown);
        return some.length === 0 ? null : <div key={name} role="group" aria-label={name || t('record.fields')}>{name && <div className="groupname">{name}</div>}{some.map((f) => <Row key={f.name} entity={e} record={r} field={f} />)}</div>;
      })}
      {(hidden > 0 || all) && <Button mt="md" variant="default" size="compact-sm" aria-expanded={all} onClick={() => setAll(!all)}>{all ? t('record.fold') : t('record.empty', { n: hidden })}</Button>}
    </>
  );
}
