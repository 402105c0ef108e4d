// The mapping editor redraws itself when its structure changes (`form.editor`): a control with a request of its own asks
// for that, while the form's own requests only check what is typed.  A check waits for nobody and may be left out while a
// redraw is on its way; what is typed meanwhile is put back into the redrawn form.
let redraw = null
const typed = new Map()

const held = (control) => (control.type === 'checkbox' ? 'checked' : 'value')

document.addEventListener('htmx:config:request', (event) => {
  const { ctx } = event.detail
  const form = ctx.sourceElement.closest?.('form.editor')
  if (!form) return
  if (ctx.sourceElement === form) {
    if (redraw) event.preventDefault()
    return
  }
  redraw = ctx
  typed.clear()
})

document.addEventListener('input', (event) => {
  const control = event.target
  if (redraw && control.id && control.form?.matches('.editor')) typed.set(control.id, control[held(control)])
})

document.addEventListener('htmx:finally:request', (event) => {
  if (event.detail.ctx !== redraw) return
  redraw = null
  const controls = [...typed].map(([id, value]) => [document.getElementById(id), value]).filter(([control]) => control)
  typed.clear()
  for (const [control, value] of controls) {
    control[held(control)] = value
    control.dispatchEvent(new Event('input', { bubbles: true }))
  }
})
