import { Button, Group, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useId, useState, type KeyboardEvent } from 'react';
import { Display, Value } from '../fields/Display';
import { Input } from '../fields/Input';
import { isEmpty } from '../fields/format';
import { mayEdit, useEdit, type Typed } from '../fields/useEdit';
import { patchRows, pick } from '../list/rows';
import { t } from '../locale/t';
import { useMeta, type Entity, type Field, type Rec } from '../meta/meta';
import { draftOf } from '../ui/drafts';
import { Drop } from '../ui/Drop';
import { later } from '../ui/later';
import { undoable } from '../ui/undo';
import { groupsOf, systemGroup, USUAL } from './layout';

const FieldHistory = later(() => import('./FieldHistory'));

function Row({ entity: e, record: r, field: f, fixed }: { entity: Entity; record: Rec; field: Field; fixed?: boolean }) {
  const client = useQueryClient();
  const id = useId();
  const may = !fixed && mayEdit(e, f, r);
  const draft = draftOf<Typed>(useMeta().raw.user.id, `edit ${e.name} ${r.id} ${f.name}`);
  const [kept] = useState(() => (may ? draft.read() : undefined));
  const [editing, setEditing] = useState(kept !== undefined);
  const [past, setPast] = useState(false);
  const end = () => { draft.write(undefined); setEditing(false); edit.reset(); setTimeout(() => document.getElementById(id)?.focus()); };
  const edit = useEdit(e, f, r, (data) => { patchRows(client, e, r.id, (old) => ({ ...old, ...pick(data, old) })); end(); }, kept);
  const begin = () => { edit.begin(); setEditing(true); };
  const multiline = ['long_text', 'rich_text', 'json'].includes(f.kind);
  const picks = ['choice', 'choices', 'tags', 'reference', 'any_reference', 'many', 'yes_no', 'file'].includes(f.kind);
  const type = (value: unknown) => { edit.setValue(value); draft.write({ value, version: edit.base }); };
  // a long text that goes by one key comes back by one
  const drop = () => {
    const { value } = edit;
    end();
    if (multiline && value !== r[f.name]) undoable(t('edit.dropped', { label: f.label }), async () => { type(value); setEditing(true); });
  };
  function key(ev: KeyboardEvent) {
    if (ev.key === 'Escape') { ev.stopPropagation(); drop(); }
    if (ev.key === 'Enter' && ((!multiline && !picks && (ev.target as HTMLElement).tagName === 'INPUT') || ev.ctrlKey)) { ev.preventDefault(); void edit.save(); }
  }
  if (!editing) {
    return (
      <div className="field">
        <div className="label" title={f.help}>{f.label}</div>
        <div className={may ? 'editable wrap' : 'editable fixed wrap'} onDoubleClick={may ? begin : undefined}>
          <div className="value">{isEmpty(r[f.name]) ? <span style={{ color: 'var(--mantine-color-dimmed)' }}>–</span> : <Value entity={e} field={f} record={r} />}</div>
          {may && <button id={id} type="button" className="pen edit" aria-label={t('record.edit', { label: f.label })} onClick={begin}>✎</button>}
          {!f.standard && <Drop opened={past} onClose={() => setPast(false)} still label={t('record.past', { label: f.label })} side="bottom-end" width={320} target={<button type="button" className="pen" aria-label={t('record.past', { label: f.label })} onClick={() => setPast(!past)}>↺</button>}>{past && <FieldHistory entity={e} record={r} field={f} />}</Drop>}
        </div>
      </div>
    );
  }
  return (
    <div className="field" onKeyDown={key}>
      <div className="label">{f.label}</div>
      <Stack gap={6} py={2}>
        <Input field={f} value={edit.value} onChange={type} autoFocus={!kept} error={edit.message} />
        {edit.theirs && (
          <div role="alert">
            <div style={{ color: 'var(--mantine-color-error)' }}>{t('record.stale')}</div>
            <dl className="sides"><div><dt>{t('record.stale.now')}</dt><dd><Display field={f} value={edit.theirs[f.name]} /></dd></div><div><dt>{t('record.stale.yours')}</dt><dd><Display field={f} value={edit.value} /></dd></div></dl>
            <Group gap={6}><Button size="compact-sm" variant="default" onClick={() => void edit.save(edit.value, edit.theirs!.version)}>{t('record.stale.mine')}</Button><Button size="compact-sm" variant="default" onClick={end}>{t('record.stale.theirs')}</Button></Group>
          </div>
        )}
        {!edit.theirs && <Group gap={6}><Button size="compact-sm" loading={edit.busy} onClick={() => void edit.save()}>{t('save')}</Button><Button size="compact-sm" variant="default" onClick={drop}>{t('cancel')}</Button></Group>}
      </Stack>
    </div>
  );
}

interface FieldPanelProps { entity: Entity; record: Rec; /** nothing may be changed here */ fixed?: boolean; /** fields that are shown elsewhere on the page */ without?: string[] }

export function FieldPanel({ entity: e, record: r, fixed, without = [] }: FieldPanelProps) {
  const meta = useMeta();
  const [all, setAll] = useState(false);
  const { groups, hidden: out } = groupsOf(meta, e);
  const every = [...groups, ...(all && out.length ? [{ name: t('record.hidden'), fields: out }] : []), systemGroup(e)]
    .map((g) => ({ ...g, fields: g.fields.filter((f) => !without.includes(f.name)) }));
  const shown = (f: Field) => all || !isEmpty(r[f.name]) || f.required || USUAL.has(f.name);
  const hidden = every.flatMap((g) => g.fields).filter((f) => !shown(f)).length + (all ? 0 : out.length);
  return (
    <>
      {every.map(({ name, fields }) => {
        const some = fields.filter(shown);
        return some.length === 0 ? null : <div key={name} role="group" aria-label={name || t('record.fields')}>{name && <div className="groupname">{name}</div>}{some.map((f) => <Row key={f.name} entity={e} record={r} field={f} fixed={fixed} />)}</div>;
      })}
      {(hidden > 0 || all) && <Button mt="md" variant="default" size="compact-sm" aria-expanded={all} onClick={() => setAll(!all)}>{all ? t('record.fold') : t('record.empty', { n: hidden })}</Button>}
    </>
  );
}
