/** The statuses that verdicts of people of the studio set: the fields for the studio, and for one project. */

import type { Entity } from "./api";
import { Select } from "./page";

/** The name or the id of a status for each verdict, null for none; a verdict that is missing sets the default. */
export type Mapping = Readonly<Record<string, string | null>>;

export const SETTING = { name: "verdict_statuses", group: "REVIEW" } as const;
const VERDICTS = [["approved", "Approve sets"], ["require_changes", "Ask for changes sets"]] as const;
const [DEFAULT_STATUS, NO_STATUS] = ["default", "none"];

/** Return the mapping in the value of a setting, or null without one. */
export function parseMapping(text: unknown): Mapping | null {
  if (text === undefined) return null;
  try {
    const found: unknown = JSON.parse(String(text));
    return typeof found === "object" && found !== null ? (found as Record<string, string | null>) : {};
  } catch {
    return {};
  }
}

/** Return the value of the setting for the fields of a form. */
export function toSetting(fields: Record<string, string>): string {
  const chosen = VERDICTS.filter(([verdict]) => fields[verdict] !== DEFAULT_STATUS)
    .map(([verdict]) => [verdict, fields[verdict] === NO_STATUS ? null : fields[verdict]] as const);
  return JSON.stringify(Object.fromEntries(chosen));
}

interface VerdictFieldsProps {
  readonly statuses: readonly Entity[];
  readonly mapping: Mapping | null;
  /** What happens without a choice. */
  readonly fallback: string;
}

export function VerdictFields({ statuses, mapping, fallback }: VerdictFieldsProps) {
  const chosen = (verdict: string): string => {
    const found = mapping?.[verdict];
    if (found === undefined) return DEFAULT_STATUS;
    const status = statuses.find((each) => each["id"] === found || each["name"] === found);
    return status === undefined ? NO_STATUS : String(status["name"]);
  };
  return (
    <>
      {VERDICTS.map(([verdict, label]) => (
        <Select
          key={verdict}
          label={label}
          name={verdict}
          value={chosen(verdict)}
          options={[
            [DEFAULT_STATUS, fallback],
            [NO_STATUS, "No status"],
            ...statuses.map((status) => [String(status["name"]), String(status["name"])] as const),
          ]}
        />
      ))}
    </>
  );
}
