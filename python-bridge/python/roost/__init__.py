from roost import _native
