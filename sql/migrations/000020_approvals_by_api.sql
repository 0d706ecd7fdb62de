-- Recoveries that somebody asks for, or approves, through the API: the same queue, the same second person, the same time-out.
grant update (approved_by, events) on holdfast.request to holdfast_writer;
