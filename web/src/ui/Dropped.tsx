// What Drop and Menu open, fetched when the first of them does.
import { Menu, Popover } from '@mantine/core';
import { useEffect, useLayoutEffect, useState, type ReactNode, type RefObject } from 'react';
import type { Line, Side } from './Drop';
import { Link } from './Link';

/** Stands for the button, which is elsewhere. */
function Stead({ on, ref }: { on: RefObject<HTMLElement | null>; ref?: (el: HTMLElement | null) => void }) {
  useLayoutEffect(() => { ref?.(on.current); return () => ref?.(null); }, [on, ref]);
  return null;
}
interface At { id: string; on: RefObject<HTMLElement | null>; opened: boolean; onClose: () => void }
/** Closed when it is first drawn: where the focus goes back to is noted as it opens. */
function useOpening({ id, opened, onClose }: At) {
  const [shown, setShown] = useState(false);
  useEffect(() => setShown(opened), [opened]);
  return { id, opened: shown, onChange: (open: boolean) => { if (!open) onClose(); }, withinPortal: true, returnFocus: true, transitionProps: { duration: 0 } };
}

export function Box({ label, side = 'bottom-start', width, tight, still, children, ...at }: At & { label: string; side?: Side; width: number; tight?: boolean; still?: boolean; children: ReactNode }) {
  return (
    <Popover {...useOpening(at)} position={side} trapFocus>
      <Popover.Target><Stead on={at.on} /></Popover.Target>
      <Popover.Dropdown aria-label={label} p={tight ? 'xs' : 'sm'} w={width} {...(still && { tabIndex: 0 })}>{children}</Popover.Dropdown>
    </Popover>
  );
}

export function List({ lines, side, ...at }: At & { lines: Line[]; side: Side }) {
  return (
    // without keys among them: the one that opened it would close it again, where it opens by a key
    <Menu {...useOpening(at)} position={side} clickOutsideEvents={['mousedown', 'touchstart']} withInitialFocusPlaceholder={false}>
      <Menu.Target><Stead on={at.on} /></Menu.Target>
      <Menu.Dropdown mah={320} style={{ overflow: 'auto' }}>
        {lines.map((x, i) => (x === 'rule' ? <Menu.Divider key={i} /> : 'head' in x ? <Menu.Label key={i}>{x.head}</Menu.Label>
          : x.download ? <Menu.Item key={i} component="a" href={x.href} download={x.download}>{x.label}</Menu.Item>
            : x.href ? <Menu.Item key={i} component={Link} href={x.href}>{x.label}</Menu.Item>
              : <Menu.Item key={i} title={x.title} disabled={x.disabled} onClick={x.run}>{x.label}</Menu.Item>))}
      </Menu.Dropdown>
    </Menu>
  );
}
