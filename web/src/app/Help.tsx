// The keys, on one page.
import { Kbd, Modal } from '@mantine/core';
import { t, type Key } from '../locale/t';

const KEYS: [Key, [string, Key][]][] = [
  ['keys.everywhere', [['Ctrl K', 'keys.search'], ['/', 'keys.find'], ['[', 'keys.sidebar'], ['Ctrl Z', 'keys.undo'], ['?', 'keys.help'], ['Esc', 'keys.back']]],
  ['keys.list', [['↑ ↓ j k', 'keys.move'], ['Home End', 'keys.edges'], ['Enter', 'keys.open'], ['F2 e', 'keys.edit'], ['Tab', 'keys.next'], ['Space', 'keys.peek'], ['x', 'keys.select'], ['Shift ↑ ↓', 'keys.range'], ['Ctrl A', 'keys.all'], ['f', 'keys.filter'], ['c', 'keys.create']]],
  ['keys.record', [['j', 'keys.nextrecord'], ['k', 'keys.lastrecord'], ['Ctrl Enter', 'keys.submit']]],
  ['keys.header', [['Enter', 'keys.sort'], ['Shift Enter', 'keys.sortmore'], ['Shift ← →', 'keys.width'], ['Alt ← →', 'keys.order']]],
  ['keys.board', [['↑ ↓ ← →', 'keys.move'], ['m', 'keys.moveto'], ['Enter', 'keys.open']]],
];
export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={t('keys.title')} size="lg" closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }}>
      <div className="columns2">
        {KEYS.map(([title, list]) => (
          <section key={title} aria-label={t(title)}>
            <div className="groupname">{t(title)}</div>
            <dl className="keys">{list.map(([keys, what]) => <div key={what}><dt>{keys.split(' ').map((k) => <Kbd key={k} size="xs">{k}</Kbd>)}</dt><dd>{t(what)}</dd></div>)}</dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
