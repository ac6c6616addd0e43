// Lists of choices: their words, colours and order. Shown by the objects in which people choose from them.
import { ActionIcon, Button, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { language, t, type Key } from '../locale/t';
import { useChoice } from '../fields/Display';
import { can, useMeta, type Choice, type Field, type Meta } from '../meta/meta';
import { Chip } from '../ui/bits';
import { Page } from './Page';
import { useRows, useSave } from './rows';
import { codeOf } from '../import/plan';

const NONE = { name: '', label: '', kind: 'choice', number: 0, right: 'read' } as Field;
const COLOURS = ['', 'gray', 'red', 'pink', 'grape', 'violet', 'indigo', 'blue', 'cyan', 'teal', 'green', 'lime', 'yellow', 'orange'];

function One({ c, colour, first, last, may, onMove }: { c: Choice; colour: string; first: boolean; last: boolean; may: boolean; onMove: (by: number) => void }) {
  const save = useSave();
  const [label, setLabel] = useState(c.label);
  const keep = () => { if (label.trim() && label !== c.label) void save('PATCH', `/choices/${c.id}`, { label: label.trim() }); };
  return (
    <li className="choicerow">
      <span className="choicechip"><Chip label={c.label || c.code} colour={colour} /></span>
      <TextInput size="xs" aria-label={t('choices.word', { code: c.code })} disabled={!may} value={label} onChange={(ev) => setLabel(ev.currentTarget.value)} onBlur={keep} onKeyDown={(ev) => { if (ev.key === 'Enter') keep(); }} />
      <NativeSelect size="xs" aria-label={t('choices.colour', { code: c.code })} disabled={!may} data={COLOURS.map((x) => ({ value: x, label: x ? t(`colour.${x}` as Key) : t('colour.none') }))} value={COLOURS.includes(c.colour) ? c.colour : ''} onChange={(ev) => void save('PATCH', `/choices/${c.id}`, { colour: ev.currentTarget.value || null })} />
      <Checkbox size="xs" label={t('choices.active')} disabled={!may} checked={c.active} onChange={(ev) => void save('PATCH', `/choices/${c.id}`, { active: ev.currentTarget.checked })} />
      <span><ActionIcon size={26} variant="subtle" color="gray" disabled={!may || first} aria-label={t('choices.up', { name: c.label })} onClick={() => onMove(-1)}>↑</ActionIcon><ActionIcon size={26} variant="subtle" color="gray" disabled={!may || last} aria-label={t('choices.down', { name: c.label })} onClick={() => onMove(1)}>↓</ActionIcon></span>
    </li>
  );
}

interface Use { object: string; field: Field }
/** Where people choose from each list, the object that it belongs to first. What the program alone writes is left out. */
function usesOf(meta: Meta): Map<string, Use[]> {
  const all = new Map<string, Use[]>();
  const { all: worked, system } = meta.nav();
  const links = new Map(worked.flatMap((e) => e.fields.filter((f) => f.kind === 'many').map((f) => [`${e.name}_${f.name}_link`, `${e.label}: ${f.label}`])));
  for (const e of [...worked, ...system.filter((x) => x.module !== 'system'), ...meta.raw.entities.filter((x) => x.link)]) {
    for (const f of e.fields) if (f.list && f.kind !== 'tags' && !f.read_only && !f.hidden) all.set(f.list, [...(all.get(f.list) ?? []), { object: (e.link && links.get(e.name)) || e.label, field: f }]);
  }
  return all;
}

export default function ChoiceLists() {
  const meta = useMeta();
  const e = meta.entity('choice')!;
  const save = useSave();
  const lists = useRows('choice_lists', { fields: 'id,name,label' });
  const used = usesOf(meta);
  const groups = [...new Set([...used.values()].map((u) => u[0]!.object))].map((group) => ({ group, items: [...used].filter(([, u]) => u[0]!.object === group).map(([n, u]) => ({ value: n, label: `${group}: ${u[0]!.field.label}` })).sort((x, y) => x.label.localeCompare(y.label)) }));
  const names = groups.flatMap((g) => g.items.map((i) => i.value));
  const [at, setAt] = useState('');
  const [word, setWord] = useState('');
  const name = names.includes(at) ? at : names[0] ?? '';
  const list = meta.raw.lists[name] ?? [];
  const record = lists.data?.find((l) => l.name === name);
  const uses = used.get(name) ?? [];
  const where = new Intl.ListFormat(language(), { type: 'conjunction' }).format(uses.map((u) => `${u.object}: ${u.field.label}`));
  const shown = useChoice(uses[0]?.field ?? NONE);
  const may = can(e, 'update');
  const move = (i: number, by: number) => {
    const next = [...list];
    [next[i], next[i + by]] = [next[i + by]!, next[i]!];
    void save('POST', '/batch', { operations: next.map((c, k) => ({ method: 'PATCH', path: `/choices/${c.id}`, body: { position: k + 1 } })) });
  };
  async function add(ev: FormEvent) { ev.preventDefault(); if (word.trim() && record && await save('POST', '/choices', { list: record.id, code: codeOf(word), label: word.trim(), position: list.length + 1 })) setWord(''); }
  return (
    <Page title={t('set.choices')} help={t('choices.help')}>
      <NativeSelect maw={380} label={t('choices.which')} data={groups} value={name} onChange={(ev) => setAt(ev.currentTarget.value)} />
      <p className="dim">{t('choices.where', { where })}</p>
      <ul className="plainlist" aria-label={where}>{list.map((c, i) => <One key={c.id} c={c} colour={shown(c.code).colour} first={i === 0} last={i === list.length - 1} may={may} onMove={(by) => move(i, by)} />)}</ul>
      {can(e, 'create') && record && <form className="row" style={{ marginTop: 12 }} onSubmit={(ev) => void add(ev)}><TextInput size="xs" aria-label={t('choices.new')} placeholder={t('choices.new')} value={word} onChange={(ev) => setWord(ev.currentTarget.value)} /><Button size="xs" type="submit">{t('choices.add')}</Button></form>}
    </Page>
  );
}
