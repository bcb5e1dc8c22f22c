"""The mask editor, in the viewer's place while a mask is corrected by hand."""
