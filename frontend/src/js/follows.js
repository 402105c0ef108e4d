// A slider beside a number field: each follows the other.  Without scripts the number field is enough.
document.documentElement.classList.add('scripted')

document.addEventListener('input', (event) => {
  const { dataset, id, value } = event.target
  if (dataset?.follows) {
    document.getElementById(dataset.follows).value = value === '0' ? '' : value
  } else if (id) {
    const slider = document.querySelector(`[data-follows="${CSS.escape(id)}"]`)
    if (slider) slider.value = value || 0
  }
})
