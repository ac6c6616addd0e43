// The whole of and, or, not by clicking; beside it the same as text. Either can be edited, the other follows.
import { Button, Checkbox, Group, Modal, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import { complete, fieldAt, filterable, leafOf, treeOf, type Leaf } from '../expr/leaf';
import { read } from '../expr/parse';
import { isChain, isOp, toText, type Tree } from '../expr/tree';
import { t } from '../locale/t';
import { useMeta, type Entity, type Meta } from '../meta/meta';
import LeafEditor, { startLeaf } from './LeafEditor';

type Node = { n: number; not: boolean } & ({ kind: 'group'; op: 'and' | 'or'; items: Node[] } | { kind: 'leaf'; leaf: Leaf } | { kind: 'text'; text: string });
type Branch = Extract<Node, { kind: 'group' }>;
let count = 0;

function fromTree(meta: Meta, e: Entity, x: Tree): Node {
  // a "not" has its own box here
  const leaf = isOp(x) && x.op === 'not' ? null : leafOf(x);
  if (leaf && fieldAt(meta, e, leaf.path)) return { n: ++count, not: false, kind: 'leaf', leaf };
  if (isOp(x) && x.op === 'not') { const inner = fromTree(meta, e, x.args[0]!); return inner.not ? { n: ++count, not: true, kind: 'group', op: 'and', items: [inner] } : { ...inner, not: true }; }
  if (isChain(x)) return { n: ++count, not: false, kind: 'group', op: x.op as 'and' | 'or', items: x.args.map((a) => fromTree(meta, e, a)) };
  return { n: ++count, not: false, kind: 'text', text: toText(x) };
}
const group = (op: 'and' | 'or', items: Node[]): Branch => ({ n: ++count, not: false, kind: 'group', op, items });
const rootOf = (meta: Meta, e: Entity, x: Tree | null): Branch => { const n = x ? fromTree(meta, e, x) : null; return n?.kind === 'group' && !n.not ? n : group('and', n ? [n] : []); };

/** What is not complete yet is left out. */
function toTree(meta: Meta, e: Entity, n: Node): Tree | null {
  let x: Tree | null = null;
  if (n.kind === 'text') x = read(n.text.trim()).tree;
  else if (n.kind === 'leaf') { const f = fieldAt(meta, e, n.leaf.path); x = f && complete(f, n.leaf) ? treeOf(f, n.leaf) : null; }
  else {
    const parts = n.items.map((i) => toTree(meta, e, i)).filter((p): p is Tree => !!p);
    x = parts.length === 0 ? null : parts.length === 1 ? parts[0]! : { op: n.op, args: parts };
  }
  return x && n.not ? { op: 'not', args: [x] } : x;
}

function GroupEditor({ entity: e, node, onChange, onRemove, depth }: { entity: Entity; node: Branch; onChange: (n: Branch) => void; onRemove?: () => void; depth: number }) {
  const put = (i: number, n: Node | null) => onChange({ ...node, items: node.items.flatMap((x, k) => (k === i ? n ?? [] : x)) });
  const add = (n: Node) => onChange({ ...node, items: [...node.items, n] });
  const field = e.fields.find((f) => f.name === e.title && filterable(f)) ?? e.fields.find((f) => filterable(f) && !f.standard && !f.hidden) ?? e.fields.find(filterable);
  const not = (n: Node, i: number) => <Checkbox size="xs" label={t('builder.not')} checked={n.not} onChange={(ev) => put(i, { ...n, not: ev.currentTarget.checked })} />;
  return (
    <div className="bgroup" role="group" aria-label={t(node.op === 'and' ? 'builder.all' : 'builder.any')}>
      <Group gap={8} mb={6}>
        <NativeSelect size="xs" aria-label={t('builder.join')} data={[{ value: 'and', label: t('builder.all') }, { value: 'or', label: t('builder.any') }]} value={node.op} onChange={(ev) => onChange({ ...node, op: ev.currentTarget.value as 'and' | 'or' })} />
        {onRemove && <Checkbox size="xs" label={t('builder.not')} checked={node.not} onChange={(ev) => onChange({ ...node, not: ev.currentTarget.checked })} />}
        {onRemove && <Button size="compact-xs" variant="subtle" color="gray" onClick={onRemove}>{t('builder.remove')}</Button>}
      </Group>
      {node.items.map((n, i) => n.kind === 'group' ? <GroupEditor key={n.n} entity={e} node={n} depth={depth + 1} onChange={(x) => put(i, x)} onRemove={() => put(i, null)} /> : (
        <div className="brow" key={n.n}>
          {n.kind === 'leaf' ? <LeafEditor entity={e} leaf={n.leaf} compact onChange={(leaf) => put(i, { ...n, leaf })} /> : <TextInput className="grow where" size="xs" aria-label={t('builder.expression')} value={n.text} error={read(n.text).ok ? undefined : t('builder.unreadable')} onChange={(ev) => put(i, { ...n, text: ev.currentTarget.value })} />}
          {not(n, i)}
          <button type="button" className="fx" aria-label={t('builder.drop', { n: i + 1 })} onClick={() => put(i, null)}>✕</button>
        </div>
      ))}
      <Group gap={6} mt={6}>
        {field && <Button size="compact-xs" variant="default" onClick={() => add({ n: ++count, not: false, kind: 'leaf', leaf: startLeaf(field) })}>{t('builder.condition')}</Button>}
        {depth < 6 && <Button size="compact-xs" variant="default" onClick={() => add(group(node.op === 'and' ? 'or' : 'and', field ? [{ n: ++count, not: false, kind: 'leaf', leaf: startLeaf(field) }] : []))}>{t('builder.group')}</Button>}
        <Button size="compact-xs" variant="default" onClick={() => add({ n: ++count, not: false, kind: 'text', text: '' })}>{t('builder.expression')}</Button>
      </Group>
      {node.items.length === 0 && <div className="dim" style={{ marginTop: 6 }}>{t('builder.empty')}</div>}
    </div>
  );
}

export default function Builder({ entity: e, where, onApply, onClose }: { entity: Entity; where: string; onApply: (where: string) => void; onClose: () => void }) {
  const meta = useMeta();
  const start = useMemo(() => read(where, (path) => meta.named(e, path)), []); // as it was when the dialog opened
  const [root, setRoot] = useState<Branch>(() => rootOf(meta, e, start.tree));
  const [text, setText] = useState(() => toText(start.tree));
  const readable = read(text.trim());
  return (
    <Modal opened onClose={onClose} title={t('builder.title')} size="xl" closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }}>
      <form onSubmit={(ev) => { ev.preventDefault(); if (readable.ok) onApply(text.trim()); }}>
        <GroupEditor entity={e} node={root} depth={0} onChange={(n) => { setRoot(n); setText(toText(toTree(meta, e, n))); }} />
        <Textarea mt="md" className="where" label={t('builder.text')} spellCheck={false} rows={3} value={text} error={readable.ok ? undefined : t('builder.unreadable')}
          onChange={(ev) => { const s = ev.currentTarget.value; setText(s); const r = read(s.trim()); if (r.ok) setRoot(rootOf(meta, e, r.tree)); }} />
        <Group justify="flex-end" gap="xs" mt="md"><Button variant="default" onClick={onClose}>{t('cancel')}</Button><Button type="submit" disabled={!readable.ok}>{t('list.filter.apply')}</Button></Group>
      </form>
    </Modal>
  );
}
