// Lists of choices: their words, colours and order.
import { ActionIcon, Button, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { t, type Key } from '../locale/t';
import { can, useMeta, type Choice } from '../meta/meta';
import { Chip } from '../ui/bits';
import { Page } from './Page';
import { useRows, useSave } from './rows';
import { codeOf } from '../import/plan';

const COLOURS = ['', 'gray', 'red', 'pink', 'grape', 'violet', 'indigo', 'blue', 'cyan', 'teal', 'green', 'lime', 'yellow', 'orange'];

function One({ c, first, last, may, onMove }: { c: Choice; first: boolean; last: boolean; may: boolean; onMove: (by: number) => void }) {
  const save = useSave();
  const [label, setLabel] = useState(c.label);
  const keep = () => { if (label.trim() && label !== c.label) void save('PATCH', `/choices/${c.id}`, { label: label.trim() }); };
  return (
    <li className="choicerow">
      <span className="choicechip"><Chip label={c.label || c.code} colour={c.colour || 'gray'} /></span>
      <TextInput size="xs" aria-label={t('choices.word', { code: c.code })} disabled={!may} value={label} onChange={(ev) => setLabel(ev.currentTarget.value)} onBlur={keep} onKeyDown={(ev) => { if (ev.key === 'Enter') keep(); }} />
      <NativeSelect size="xs" aria-label={t('choices.colour', { code: c.code })} disabled={!may} data={COLOURS.map((x) => ({ value: x, label: x ? t(`colour.${x}` as Key) : t('colour.none') }))} value={COLOURS.includes(c.colour) ? c.colour : ''} onChange={(ev) => void save('PATCH', `/choices/${c.id}`, { colour: ev.currentTarget.value || null })} />
      <Checkbox size="xs" label={t('choices.active')} disabled={!may} checked={c.active} onChange={(ev) => void save('PATCH', `/choices/${c.id}`, { active: ev.currentTarget.checked })} />
      <span><ActionIcon size={26} variant="subtle" color="gray" disabled={!may || first} aria-label={t('choices.up', { name: c.label })} onClick={() => onMove(-1)}>↑</ActionIcon><ActionIcon size={26} variant="subtle" color="gray" disabled={!may || last} aria-label={t('choices.down', { name: c.label })} onClick={() => onMove(1)}>↓</ActionIcon></span>
    </li>
  );
}

export default function ChoiceLists() {
  const meta = useMeta();
  const e = meta.entity('choice')!;
  const save = useSave();
  const lists = useRows('choice_lists', { fields: 'id,name,label' });
  // a list is known by the fields that take from it
  const used = new Map<string, string>();
  for (const x of meta.raw.entities) for (const f of x.fields) if (f.list && f.kind !== 'tags' && !used.has(f.list)) used.set(f.list, `${x.label}: ${f.label}`);
  const names = Object.keys(meta.raw.lists).filter((n) => used.has(n)).sort((a, b) => used.get(a)!.localeCompare(used.get(b)!));
  const [at, setAt] = useState('');
  const [word, setWord] = useState('');
  const name = names.includes(at) ? at : names[0] ?? '';
  const list = meta.raw.lists[name] ?? [];
  const record = lists.data?.find((l) => l.name === name);
  const may = can(e, 'update');
  const move = (i: number, by: number) => {
    const next = [...list];
    [next[i], next[i + by]] = [next[i + by]!, next[i]!];
    void save('POST', '/batch', { operations: next.map((c, k) => ({ method: 'PATCH', path: `/choices/${c.id}`, body: { position: k + 1 } })) });
  };
  async function add(ev: FormEvent) { ev.preventDefault(); if (word.trim() && record && await save('POST', '/choices', { list: record.id, code: codeOf(word), label: word.trim(), position: list.length + 1 })) setWord(''); }
  return (
    <Page title={t('set.choices')} help={t('choices.help')}>
      <NativeSelect maw={380} aria-label={t('set.choices')} data={names.map((n) => ({ value: n, label: used.get(n)! }))} value={name} onChange={(ev) => setAt(ev.currentTarget.value)} />
      <ul className="plainlist" aria-label={used.get(name)} style={{ marginTop: 12 }}>{list.map((c, i) => <One key={c.id} c={c} first={i === 0} last={i === list.length - 1} may={may} onMove={(by) => move(i, by)} />)}</ul>
      {can(e, 'create') && record && <form className="row" style={{ marginTop: 12 }} onSubmit={(ev) => void add(ev)}><TextInput size="xs" aria-label={t('choices.new')} placeholder={t('choices.new')} value={word} onChange={(ev) => setWord(ev.currentTarget.value)} /><Button size="xs" type="submit">{t('choices.add')}</Button></form>}
    </Page>
  );
}
