// A button with `data-copy` copies the text of the element that it names.
import { toast } from './toast.js'

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]')
  if (!button) return
  const source = document.getElementById(button.dataset.copy)
  try {
    await navigator.clipboard.writeText(source.textContent.trim())
    toast('Copied')
  } catch {
    getSelection().selectAllChildren(source) // no clipboard outside a secure context: the reader copies by hand
    toast('Selected: copy it with your keyboard')
  }
})
