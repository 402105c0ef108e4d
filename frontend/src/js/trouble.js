// A part that could not be refreshed stays as it was, and the reader is told.
import { toast } from './toast.js'

const FORBIDDEN = 403

document.addEventListener('htmx:error', () => toast('The server did not answer. What you see may be old.'))
document.addEventListener('htmx:response:error', (event) => {
  const forbidden = event.detail?.ctx?.response?.status === FORBIDDEN
  toast(forbidden ? 'This was not accepted: you may not do it, or the page is too old. Open it again.'
    : 'The server did not answer. What you see may be old.')
})
