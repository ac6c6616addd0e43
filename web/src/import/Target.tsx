// Where a column goes: everything that fits, found by typing, or a field made for it.
import { Button, Select, Stack, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { call } from '../api/client';
import { t, type Key } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { Choices, type Hit } from '../ui/Choices';
import { Drop } from '../ui/Drop';
import { Nested } from '../ui/Nested';
import { codeOf, guessKind, label, mayAddFields, targets, type Column } from './plan';

const KINDS = ['text', 'long_text', 'integer', 'decimal', 'money', 'yes_no', 'date', 'instant', 'choice', 'choices', 'urls'];

function NewField({ entity: e, column: c, onDone }: { entity: Entity; column: Column; onDone: (name: string) => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(c.column);
  const [kind, setKind] = useState<string | null>(guessKind(c.samples ?? []));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    ev.stopPropagation();
    setBusy(true);
    setError(null);
    try {
      // the choices of a new list are what the file is seen to hold
      const list = kind === 'choice' || kind === 'choices' ? [...new Set(c.samples ?? [])].map((s) => ({ code: codeOf(s), label: s })).filter((x) => x.code) : undefined;
      await call('POST', '/fields', { entity: e.name, name: 'x_' + codeOf(name), label: name.trim(), kind, ...(list && { choices: list }) });
      await client.invalidateQueries({ queryKey: ['meta'] });
      onDone('x_' + codeOf(name));
    } catch (x) { setError(x); } finally { setBusy(false); }
  }
  return (
    <form onSubmit={(ev) => void submit(ev)}>
      <Stack gap={8}>
        <TextInput size="xs" label={t('map.create.name')} value={name} autoFocus onChange={(ev) => setName(ev.currentTarget.value)} />
        <Select size="xs" label={t('map.create.kind')} allowDeselect={false} data={KINDS.map((k) => ({ value: k, label: t(`fieldkind.${k}` as Key) }))} value={kind} onChange={setKind} />
        <Complaint error={error} />
        <Button type="submit" size="xs" loading={busy} disabled={!codeOf(name)}>{t('fields.add')}</Button>
      </Stack>
    </form>
  );
}

export function Target({ entity: e, column: c, guessed, taken, onChange }: { entity: Entity; column: Column; guessed: boolean; taken: Set<string>; onChange: (field: string | null) => void }) {
  const meta = useMeta();
  const [open, setOpen] = useState(false);
  const [making, setMaking] = useState(false);
  const [text, setText] = useState('');
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const low = words.length > 0;
  const take = (field: string | null) => { setOpen(false); setMaking(false); setText(''); onChange(field); };
  const hits: Hit[] = !open ? [] : [
    ...(c.field && !low ? [{ key: '', label: t('map.skip'), take: () => take(null) }] : []),
    ...targets(meta, e).map((name) => ({ name, text: label(meta, e, name) })).filter((x) => words.every((w) => x.text.toLowerCase().includes(w) || x.name.includes(w))).slice(0, 80)
      .map((x) => ({ key: x.name, label: x.text, note: taken.has(x.name) && x.name !== c.field ? t('map.taken') : undefined, take: () => take(x.name) })),
    ...(mayAddFields(meta) ? [{ key: '+', label: t('map.create', { name: c.column }), take: () => setMaking(true) }] : []),
  ];
  return (
    <Drop opened={open} onClose={() => { setOpen(false); setMaking(false); }} label={t('map.pick', { column: c.column })} width={330} tight target={<button type="button" className={c.field ? 'target' : 'target none'} aria-label={t('map.goes', { column: c.column, to: c.field ? label(meta, e, c.field) + (guessed ? ' ' + t('map.guessed') : '') : t('map.nowhere') })} onClick={() => setOpen(!open)}>
          <span className="grow cut">{c.field ? label(meta, e, c.field) : t('map.nowhere')}</span>{' '}{guessed && c.field && <small className="dim">{t('map.guessed')}</small>}<span aria-hidden>▾</span>
        </button>}>
        <Nested>{making ? <NewField entity={e} column={c} onDone={take} /> : <Choices label={t('map.find')} placeholder={t('map.find')} text={text} onText={setText} hits={hits} empty={t('reference.none')} />}</Nested>
    </Drop>
  );
}
