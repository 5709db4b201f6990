# The shapes of what `record.py` holds, for where it is compiled: what is declared as one of these is reached by offset.
# All is `public`, as in Python: what is not declared (an `other`, a `cls`) is reached by name.

cimport cython


cdef class Field:
    cdef public object tag
    cdef public object _text
    cdef public object _parts


@cython.locals(piece=str)
cdef tuple _apart(str text)


@cython.locals(field=Field)
cdef tuple _fields_of(list tags, list texts, list kinds)


cdef class Record:
    cdef public object leader
    cdef public object _fields
    cdef public object _unmade


@cython.locals(record=Record)
cdef Record _unmade(leader, tuple told)
