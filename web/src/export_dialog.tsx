/** The dialog of the review page that offers its exports. */

import { effect } from "@preact/signals";
import { render } from "preact";

import { find } from "./dom";
import { ExportList } from "./export_list";
import { mediaUrl } from "./server";
import { review } from "./store";

/** Connect the button and the dialog; visitors of the public link cannot export, and an empty session has nothing to. */
export function setUpExportDialog(): void {
  const [dialog, button] = [find("export", HTMLDialogElement), find("show-export", HTMLButtonElement)];
  button.addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  effect(() => {
    const found = review.value;
    button.hidden = found === null || !found.may_export || found.entries.length === 0;
    const list = find("export-list", HTMLElement);
    const mayDownload = found !== null && found.rights.includes("download");
    render(found && <ExportList address={mediaUrl("export/")} name={found.name} mayDownload={mayDownload} />, list);
  });
}
