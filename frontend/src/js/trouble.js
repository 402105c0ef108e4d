// A part that could not be refreshed stays as it was, and the reader is told.
import { toast } from './toast.js'

const told = () => toast('The server did not answer. What you see may be old.')

document.addEventListener('htmx:error', told)
document.addEventListener('htmx:response:error', told)
