import type { ComponentPropsWithRef } from 'react';
import { navigate } from 'wouter/use-browser-location';

/** A link within the application. Not wouter's: each of those follows the address, and lists have hundreds. */
export function Link({ href, onClick, ...rest }: ComponentPropsWithRef<'a'> & { href: string }) {
  return <a {...rest} href={href} onClick={(ev) => {
    onClick?.(ev);
    if (ev.defaultPrevented || ev.button !== 0 || ev.ctrlKey || ev.metaKey || ev.altKey || ev.shiftKey) return;
    ev.preventDefault();
    navigate(href);
  }} />;
}
