import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';

/** Puts the page into an element; the function that comes back takes it away. */
export function mount(element: HTMLElement, token?: string): () => void {
  const root = createRoot(element);
  root.render(
    <StrictMode>
      <App token={token} />
    </StrictMode>,
  );
  return () => root.unmount();
}
