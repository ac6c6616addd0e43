import { Button, Checkbox, Group, Paper, Select, Stack, TextInput, Title } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call, Problem } from '../api/client';
import { t, type Key } from '../locale/t';
import { Input } from '../fields/Input';
import { editableKind } from '../fields/format';
import { address, can, Meta, MetaContext, useMeta } from '../meta/meta';
import { Complaint, Empty, Letter, useTitle } from '../ui/bits';
import { Link } from '../ui/Link';
import { say } from '../ui/undo';

const KINDS = ['text', 'long_text', 'rich_text', 'integer', 'decimal', 'percent', 'money', 'yes_no', 'date', 'instant', 'duration', 'choice', 'choices', 'reference', 'any_reference', 'many', 'emails', 'phones', 'addresses', 'urls', 'place', 'auto_number', 'formula', 'rollup', 'json'];
const code = (s: string) => s.trim().toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 34);

function useSend(done: () => void) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Problem | Error | null>(null);
  const send = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      await client.invalidateQueries({ queryKey: ['meta'] });
      say('made', t('objects.made'));
      done();
    } catch (x) {
      setError(x as Error);
      void client.invalidateQueries({ queryKey: ['meta'] });
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, send, at: (...fields: string[]) => (error instanceof Problem ? fields.map((f) => error.at(f)).find(Boolean) : undefined) };
}

function ObjectForm() {
  const [label, setLabel] = useState('');
  const [plural, setPlural] = useState('');
  const { busy, error, send, at } = useSend(() => { setLabel(''); setPlural(''); });
  const name = 'x_' + code(label);
  function submit(ev: FormEvent) {
    ev.preventDefault();
    void send(async () => {
      await call('POST', '/batch', { operations: [
        { method: 'POST', path: '/objects', body: { name, label: label.trim(), ...(plural.trim() && { plural: 'x_' + code(plural), label_plural: plural.trim() }), title_field: 'x_name' } },
        { method: 'POST', path: '/fields', body: { entity: name, name: 'x_name', label: t('objects.name'), kind: 'text', required: true, index: true } },
      ] });
    });
  }
  return (
    <Paper component="form" withBorder p="md" onSubmit={submit} aria-label={t('objects.add')}>
      <Stack gap="sm">
        <Title order={2} size="h4">{t('objects.add')}</Title>
        <TextInput data-object-name label={t('objects.label')} placeholder={t('objects.eg')} required value={label} error={at('name', 'label')} description={label ? t('objects.address', { name: 'x_' + code(plural || label + 's') }) : undefined} onChange={(e) => setLabel(e.currentTarget.value)} />
        <TextInput label={t('objects.plural')} value={plural} error={at('plural', 'label_plural')} onChange={(e) => setPlural(e.currentTarget.value)} />
        {error && !at('name', 'label', 'plural', 'label_plural') ? <Complaint error={error} /> : null}
        <Group><Button type="submit" loading={busy} disabled={code(label) === ''}>{t('objects.add')}</Button></Group>
      </Stack>
    </Paper>
  );
}

/** The control that the field will have, with what has been chosen so far. */
function Preview({ label, kind, choices, target, required }: { label: string; kind: string; choices: string; target: string | null; required: boolean }) {
  const meta = useMeta();
  const [value, setValue] = useState<any>(null);
  const list = '\0preview';
  const made = choices.split(',').map((s) => s.trim()).filter(Boolean).map((s, i) => ({ id: -i, code: code(s), label: s, colour: '', kind: '', active: true }));
  const field = { name: 'preview', label: label.trim() || t('fields.label'), kind, number: 0, right: 'write' as const, required, list, ...(target && { target }) };
  if (!label.trim() || !editableKind(field) || kind === 'file' || ((kind === 'reference' || kind === 'many') && !target)) return null;
  return <MetaContext value={new Meta({ ...meta.raw, lists: { ...meta.raw.lists, [list]: made } })}><fieldset className="preview"><legend>{t('fields.preview')}</legend><Input key={kind + target} field={field} label={field.label} required={required} value={value} onChange={setValue} /></fieldset></MetaContext>;
}

function FieldForm() {
  const meta = useMeta();
  const targets = meta.raw.entities.filter((e) => !e.link).map((e) => ({ value: e.name, label: e.label }));
  const own = meta.raw.entities.filter((e) => !e.link && (e.custom || e.module !== 'system')).map((e) => ({ value: e.name, label: e.label }));
  const [entity, setEntity] = useState<string | null>(null);
  const [label, setLabel] = useState('');
  const [kind, setKind] = useState<string | null>('text');
  const [target, setTarget] = useState<string | null>(null);
  const [choices, setChoices] = useState('');
  const [expr, setExpr] = useState('');
  const [pattern, setPattern] = useState('');
  const [required, setRequired] = useState(false);
  const [index, setIndex] = useState(false);
  const { busy, error, send, at } = useSend(() => { setLabel(''); setChoices(''); setExpr(''); setPattern(''); setRequired(false); });
  function submit(ev: FormEvent) {
    ev.preventDefault();
    const list = choices.split(',').map((s) => s.trim()).filter(Boolean).map((s) => ({ code: code(s), label: s }));
    void send(async () => {
      await call('POST', '/fields', {
        entity, name: 'x_' + code(label), label: label.trim(), kind, ...(required && { required }), ...(index && { index }),
        ...((kind === 'reference' || kind === 'many') && { target }), ...((kind === 'choice' || kind === 'choices') && { choices: list }),
        ...((kind === 'formula' || kind === 'rollup') && { expr }), ...(kind === 'auto_number' && { pattern }),
      });
    });
  }
  const known = ['entity', 'name', 'label', 'kind', 'target', 'choices', 'expr', 'pattern'];
  return (
    <Paper component="form" withBorder p="md" onSubmit={submit} aria-label={t('fields.add')}>
      <Stack gap="sm">
        <Title order={2} size="h4">{t('fields.add')}</Title>
        <Select label={t('fields.entity')} required searchable data={own} value={entity} error={at('entity')} onChange={setEntity} />
        <TextInput label={t('fields.label')} required value={label} error={at('name', 'label')} onChange={(e) => setLabel(e.currentTarget.value)} />
        <Select label={t('fields.kind')} required searchable allowDeselect={false} data={KINDS.map((k) => ({ value: k, label: t(`fieldkind.${k}` as Key) }))} value={kind} error={at('kind')} onChange={setKind} />
        {(kind === 'reference' || kind === 'many') && <Select label={t('fields.target')} required searchable data={targets} value={target} error={at('target')} onChange={setTarget} />}
        {(kind === 'choice' || kind === 'choices') && <TextInput label={t('fields.choices')} description={t('fields.choices.help')} required value={choices} error={at('choices')} onChange={(e) => setChoices(e.currentTarget.value)} />}
        {(kind === 'formula' || kind === 'rollup') && <TextInput label={t('fields.expr')} description={t('fields.expr.help')} required value={expr} error={at('expr')} onChange={(e) => setExpr(e.currentTarget.value)} />}
        {kind === 'auto_number' && <TextInput label={t('fields.pattern')} placeholder="Q-{year}-{0000}" required value={pattern} error={at('pattern')} onChange={(e) => setPattern(e.currentTarget.value)} />}
        <Group><Checkbox label={t('fields.required')} checked={required} onChange={(e) => setRequired(e.currentTarget.checked)} /><Checkbox label={t('fields.index')} checked={index} onChange={(e) => setIndex(e.currentTarget.checked)} /></Group>
        {error && !at(...known) ? <Complaint error={error} /> : null}
        <Preview label={label} kind={kind ?? 'text'} choices={choices} target={target} required={required} />
        <Group><Button type="submit" loading={busy} disabled={!entity || code(label) === ''}>{t('fields.add')}</Button></Group>
      </Stack>
    </Paper>
  );
}

export default function ObjectsPage() {
  const meta = useMeta();
  useTitle(t('objects.title'));
  const object = meta.entity('object');
  const may = !!object && can(object, 'create');
  const own = meta.raw.entities.filter((e) => e.custom && !e.link);
  return (
    <div className="scrollpage">
      <Title order={1} size="h2">{t('objects.title')}</Title>
      <p>{t('objects.help')}</p>
      {may && <div className="columns2" style={{ alignItems: 'start' }}><ObjectForm /><FieldForm /></div>}
      <Title order={2} size="h4" mt="xl" mb="xs">{t('objects.own')}</Title>
      {own.length === 0 ? <Empty title={t('objects.none')}><div className="dim" style={{ maxWidth: 480 }}>{t('objects.none.help')}</div>{may && <Button onClick={() => document.querySelector<HTMLInputElement>('[data-object-name]')?.focus()}>{t('objects.first')}</Button>}</Empty> : (
        <ul className="plainlist">{own.map((e) => <li key={e.name}><Letter text={e.label} of={e.name} /><div><Link className="rowlink" href={address(e)}>{e.label_plural}</Link><div style={{ color: 'var(--mantine-color-dimmed)' }}>{e.fields.filter((f) => f.custom).map((f) => `${f.label} (${t(`fieldkind.${f.kind}` as Key)})`).join(', ')}</div></div></li>)}</ul>
      )}
    </div>
  );
}
