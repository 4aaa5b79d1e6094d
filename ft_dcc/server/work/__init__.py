"""Work that visitors cause: one queue in front of processes of its own, with the budgets of ``auth/budgets.rules``."""
