import { Button, Group, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useId, useState, type KeyboardEvent } from 'react';
import { call, Problem } from '../api/client';
import { Display } from '../fields/Display';
import { editableKind, Input } from '../fields/Input';
import { isEmpty, toServer } from '../fields/format';
import { t } from '../locale/t';
import { can, writable, type Entity, type Field, type Rec } from '../meta/meta';

function Row({ entity: e, record: r, field: f }: { entity: Entity; record: Rec; field: Field }) {
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const [value, setValue] = useState<any>(null);
  const [base, setBase] = useState(0);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Problem | null>(null);
  const id = useId();
  const may = can(e, 'update') && writable(f) && editableKind(f) && !(f.set_once && !isEmpty(r[f.name]));
  const begin = () => { setValue(r[f.name]); setBase(r.version); setError(null); setEditing(true); };
  const end = () => { setEditing(false); setError(null); setTimeout(() => document.getElementById(id)?.focus()); };

  async function save(version = base) {
    setBusy(true);
    setError(null);
    try {
      const { data } = await call<Rec>('PATCH', `/${e.plural}/${r.id}`, { [f.name]: toServer(f, value) }, { 'If-Match': `"${version}"` });
      client.setQueryData(['record', e.name, r.id], data);
      void client.invalidateQueries({ queryKey: ['list', e.name], refetchType: 'none' });
      void client.invalidateQueries({ queryKey: ['history', e.name, r.id] });
      end();
    } catch (x) {
      const p = x instanceof Problem ? x : new Problem(0, '', String(x), [], '');
      setError(p);
      if (p.status === 412) void client.invalidateQueries({ queryKey: ['record', e.name, r.id] });
    } finally {
      setBusy(false);
    }
  }
  const multiline = ['long_text', 'rich_text', 'json'].includes(f.kind);
  const picks = ['choice', 'choices', 'tags', 'reference', 'many', 'yes_no'].includes(f.kind);
  function key(ev: KeyboardEvent) {
    if (ev.key === 'Escape') { ev.stopPropagation(); end(); }
    if (ev.key === 'Enter' && ((!multiline && !picks && (ev.target as HTMLElement).tagName === 'INPUT') || ev.ctrlKey)) { ev.preventDefault(); void save(); }
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
        <Input field={f} value={value} onChange={setValue} autoFocus error={error && error.status !== 412 ? error.at(f.name) ?? error.message : undefined} />
        {error?.status === 412 && (
          <div role="alert">
            <div style={{ color: 'var(--mantine-color-error)' }}>{t('record.stale')}</div>
            <div style={{ margin: '4px 0' }}>{t('record.stale.now')} <b><Display field={f} value={r[f.name]} /></b></div>
            <Group gap={6}><Button size="compact-sm" variant="default" onClick={() => void save(r.version)}>{t('record.stale.mine')}</Button><Button size="compact-sm" variant="default" onClick={end}>{t('record.stale.theirs')}</Button></Group>
          </div>
        )}
        {error?.status !== 412 && <Group gap={6}><Button size="compact-sm" loading={busy} onClick={() => void save()}>{t('save')}</Button><Button size="compact-sm" variant="default" onClick={end}>{t('cancel')}</Button></Group>}
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
