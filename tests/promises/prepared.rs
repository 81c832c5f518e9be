//! What is prepared, receipted and looked at: nothing invented, nothing made by looking.
