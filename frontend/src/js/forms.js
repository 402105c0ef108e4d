// A select with `data-submits` posts its form as if the named button had been pressed: what the form needs depends on it.
document.addEventListener('change', (event) => {
  const what = event.target.dataset?.submits
  if (!what) return
  const button = event.target.form.querySelector(`button[name="do"][value="${CSS.escape(what)}"]`)
  event.target.form.noValidate = true
  event.target.form.requestSubmit(button)
})
