// What the scripts of several components share; `space.pieces.joined` puts it before each of them.
function percent(fraction) {
  const value = fraction * 100;
  if (value > 0 && value < 0.1) return "under 0.1 %";
  return (value < 10 ? value.toFixed(1) : value.toFixed(0)) + " %";
}

// Why a file cannot be opened; empty if it is not too large.
function tooLarge(file, most) {
  if (file.size <= most * 1e6) return "";
  return "This file has " + Math.round(file.size / 1e6) + " MB; at most " + most + " MB can be opened here. Save it smaller and try again.";
}

function saveFile(url, name) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

// Works while a button cannot be pressed. Whoever pressed it by keyboard is still there afterwards, or at `next`
// if it stays closed.
async function closedWhile(button, work, isOpen = () => true, next = null) {
  const focused = document.activeElement === button;
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = !isOpen();
    if (focused && document.activeElement === document.body) (button.disabled ? next : button)?.focus({ preventScroll: true });
  }
}

async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https the clipboard is closed to scripts; the old way still works.
    const box = document.createElement("textarea");
    box.value = text;
    (button.closest("dialog") || document.body).append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  const words = button.dataset.words || button.textContent;
  button.dataset.words = words;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1400);
}
